"""AttestationResult (RFC 9334, section 8.4): the verdict on one piece of evidence and every step that led to it."""

from __future__ import annotations

from typing import Any, Literal

from tobari.base.errors import Untrusted
from tobari.base.wire import Message
from tobari.evidence.caution import Caution
from tobari.evidence.claims import Claims


class Step(Message, frozen=True, kw_only=True):
    """One numbered comparison, as text for people. The numbers are those of `appraise`."""

    number: int
    title: str
    expected: str
    found: str
    ok: bool | None
    """None: the policy or the caller asks nothing here, so nothing was compared."""


class AttestationResult(Message, frozen=True, kw_only=True):
    """As JSON (`base.wire.to_json`) or for a table. Digests are in hex."""

    verdict: Literal["accepted", "refused"]
    reason: str
    """`evidence.accepted`, or the code of the step that failed."""
    steps: list[Step]
    """In order; the step that fails is the last."""
    platform: str
    root: str
    measurement: str
    """Of the code that was launched: the first of `measurements`."""
    measurements: dict[str, str]
    report_data: str
    debug: bool
    tcb: dict[str, int | str] | None
    guards: list[str]
    issued_at: int | None
    fields: dict[str, Any]
    """The report's fields by the vendor's names."""
    warnings: list[Caution]
    claims: Claims | None
    """Bound and appraised; None if refused: keys come out of an accepted result and from nowhere else."""


class EvidenceRefused(Untrusted):
    """The evidence is authentic and the policy does not accept it. `result` says at which step."""

    def __init__(self, code: str, message: str, result: AttestationResult) -> None:
        super().__init__(code, message)
        self.result = result
