"""A session with a known service, as every command that talks to one opens it: appraised, warned of, pinned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tobari.base import wire
from tobari.cli import texts
from tobari.cli.output import Output
from tobari.cli.steps import show_steps
from tobari.client.profile import Profile
from tobari.client.session import Session
from tobari.evidence.caution import Caution
from tobari.evidence.result import EvidenceRefused


@contextmanager
def connected(output: Output, service: str | None, key: str | None) -> Iterator[Session]:
    """A session under the policy that the service was joined with.

    Args:
        service: a name of the profile; None is its default.
        key: a key of the profile; None is the one that the service was joined with, if any.

    Raises:
        TobariError: as `Profile` and `Session.connect` say. The steps of a refused appraisal are shown first.
    """
    profile = Profile.default()
    known = profile.service(service)
    signer = key or known.key
    try:
        session = Session.connect(
            known.url,
            policy=known.appraisal_policy,
            key=None if signer is None else profile.key(signer),
            trust=profile.trust,
            service=known.service,
        )
    except EvidenceRefused as refused:
        show_warnings(output, refused.result.warnings)
        show_steps(output, wire.to_builtins(refused.result.steps))
        raise
    with session:
        show_warnings(output, session.attestation.warnings)
        yield session


def show_warnings(output: Output, warnings: Sequence[Caution]) -> None:
    """What a relying party must be shown, before anything else."""
    for warning in warnings:
        output.warn(texts.caution(warning))
