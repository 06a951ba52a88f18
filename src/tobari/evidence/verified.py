"""VerifiedEvidence: what a verified report says, in one shape for every platform (spec/evidence.md).

Verified means authentic: these are the words of whoever holds the trust anchor `root`. Whether that anchor, this code
and this state are acceptable is decided by `appraise`, never here.
"""

from __future__ import annotations

from typing import Any

from tobari.base.messages.command import Digest
from tobari.base.wire import Message
from tobari.evidence.bundle import PlatformName


class VerifiedEvidence(Message, frozen=True, kw_only=True):
    """Platform-neutral facts of one report."""

    platform: PlatformName
    root: Digest
    """Identity of the trust anchor that the signature chains to. `virtual`: thumbprint of the root key."""
    measurements: dict[str, bytes]
    """By the platform's names; the first one measures the code that was launched."""
    report_data: bytes
    """What the report binds: `claims_digest`, followed by zeros where the field is longer."""
    debug: bool
    """Whether the operator may look inside."""
    tcb: dict[str, int | str] | None
    """Versions of what lies below the enclave, by the vendor's names; None where the platform states none."""
    guards: list[str] | None
    """Lock-down that the report itself states; None where only the claims can."""
    issued_at: int | None
    """Milliseconds since 1970 by the platform's clock; None where the report carries no time."""
    fields: dict[str, Any]
    """The report's fields by the vendor's names, for people; digests in hex."""
    claims: bytes
    """As they came. Not bound yet: read them by `claims.read_bound`, or take them from an AttestationResult."""
