"""A session with a known service, as every command that talks to one opens it: appraised, warned of, pinned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from tobari.base import wire
from tobari.cli import texts
from tobari.cli.output import Output
from tobari.cli.steps import show_steps
from tobari.client.profile import KnownService, Profile
from tobari.client.session import Session
from tobari.client.trust import TrustStore
from tobari.crypto.signing import SigningKey
from tobari.evidence.caution import Caution
from tobari.evidence.result import EvidenceRefused


class Known(NamedTuple):
    """A service of the profile, and who signs there."""

    service: KnownService
    key: SigningKey | None
    trust: TrustStore


def known(service: str | None, key: str | None) -> Known:
    """
    Args:
        service: a name of the profile; None is its default.
        key: a key of the profile; None is the one that the service was joined with, if any.

    Raises:
        TobariError: as `Profile` says.
    """
    profile = Profile.default()
    found = profile.service(service)
    signer = key or found.key
    return Known(found, None if signer is None else profile.key(signer), profile.trust)


@contextmanager
def connected(output: Output, service: str | None, key: str | None) -> Iterator[Session]:
    """A session under the policy that the service was joined with. Arguments as for `known`.

    Raises:
        TobariError: as `known` and `Session.connect` say. The steps of a refused appraisal are shown first.
    """
    found = known(service, key)
    try:
        session = Session.connect(
            found.service.url,
            policy=found.service.appraisal_policy,
            key=found.key,
            trust=found.trust,
            service=found.service.service,
        )
    except EvidenceRefused as refused:
        show_refusal(output, refused)
        raise
    with session:
        show_warnings(output, session.attestation.warnings)
        yield session


def show_refusal(output: Output, refused: EvidenceRefused) -> None:
    """What led to a refused appraisal."""
    show_warnings(output, refused.result.warnings)
    show_steps(output, wire.to_builtins(refused.result.steps))


def show_warnings(output: Output, warnings: Sequence[Caution]) -> None:
    """What a relying party must be shown, before anything else."""
    for warning in warnings:
        output.warn(texts.caution(warning))
