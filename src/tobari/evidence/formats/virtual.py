"""The report of platform `virtual` (spec/evidence.md): COSE_Sign1 by an install-time Ed25519 root over a CBOR map.

This reads and writes. It verifies no signature: that is tobari.evidence.verifiers.virtual. The root key is made by
whoever installs the service, so that the report proves nothing about the machine it comes from.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tobari.base import wire
from tobari.base.messages.command import Digest
from tobari.base.wire import Message
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey, VerifyingKey, sign1
from tobari.evidence.claims import Guard

PLATFORM = "virtual"
MAX_REPORT = 1 << 14
"""Bytes of a report, its signature included."""
ROOT_ENDORSEMENT = "root"
"""The one endorsement: the root's public key, 32 bytes."""


class VirtualReport(Message, frozen=True, kw_only=True):
    """The signed payload."""

    measurement: Digest
    """Of the enclave's code, by its own word."""
    report_data: Digest
    debug: bool
    guards: Annotated[list[Guard], Meta(max_length=64)]
    """Those the kernel confirmed when the report was made."""
    issued_at: Annotated[int, Meta(ge=0, lt=1 << 53)]
    """Milliseconds since 1970, by the machine's clock."""


def parse(payload: bytes) -> VirtualReport:
    """The fields of a report's payload.

    Raises:
        TooLarge, Malformed: `cbor.*`, `message.malformed`.
    """
    return wire.from_cbor(payload, VirtualReport, max_bytes=MAX_REPORT)


def issue(
    *,
    root: SigningKey,
    measurement: bytes,
    report_data: bytes,
    guards: list[str],
    issued_at: int,
    debug: bool = False,
) -> bytes:
    """A signed report. It goes into the bundle together with `endorsements(root.public)`."""
    report = VirtualReport(
        measurement=measurement, report_data=report_data, debug=debug, guards=guards, issued_at=issued_at
    )
    return sign1(root, wire.to_cbor(report), label=Label.VIRTUAL_EVIDENCE)


def endorsements(root: VerifyingKey) -> dict[str, bytes]:
    """What the verifier needs beside the report."""
    return {ROOT_ENDORSEMENT: root.raw}
