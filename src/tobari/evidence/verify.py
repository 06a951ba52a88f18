"""The second step: is this evidence authentic? One entry for all platforms (spec/evidence.md).

It checks what the platform's vendor vouches for: signatures, chain, revocation, at a time the caller states. It decides
nothing about what the evidence says; that is `appraise`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from tobari.base.errors import Malformed, TooLarge, Unauthorized, Untrusted
from tobari.evidence.bundle import EvidenceBundle
from tobari.evidence.formats import virtual
from tobari.evidence.verified import VerifiedEvidence
from tobari.evidence.verifiers.virtual import verify_virtual


class Verifier(Protocol):
    """What each platform supplies. It may raise any of the errors that `verify` turns into Untrusted."""

    def __call__(self, bundle: EvidenceBundle, *, at: int) -> VerifiedEvidence: ...


VERIFIERS: Mapping[str, Verifier] = MappingProxyType({virtual.PLATFORM: verify_virtual})
"""By `EvidenceBundle.platform`."""


def verify(bundle: EvidenceBundle, *, at: int) -> VerifiedEvidence:
    """Check the report's signature and chain at `at` (milliseconds since 1970, the relying party's own clock).

    Raises:
        Untrusted: `evidence.platform_unknown`, `evidence.endorsements`, `evidence.report` if the report is not in its
            platform's format, `evidence.signature` if it is, but nobody it names signed it.
    """
    verifier = VERIFIERS.get(bundle.platform)
    if verifier is None:
        raise Untrusted(
            "evidence.platform_unknown",
            "This version verifies no evidence of that platform: update, or ask the operator.",
        )
    try:
        return verifier(bundle, at=at)
    except (Malformed, TooLarge) as error:
        raise Untrusted(
            "evidence.report", f"The report is not in the format of its platform: {error.message}"
        ) from error
    except Unauthorized as error:
        raise Untrusted("evidence.signature", f"The report is not signed by its platform: {error.message}") from error
