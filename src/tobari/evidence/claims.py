"""Claims: what a service says of itself, bound to the platform's report by their digest (spec/evidence.md).

A claim is worth what the code is worth that states it: read claims only after `read_bound`, and rely on them only after
the measurement was appraised. Names follow EAT (RFC 9711) where one fits.
"""

from __future__ import annotations

import hmac
from typing import Annotated

import msgspec
from msgspec import Meta

from tobari.base import wire
from tobari.base.errors import Malformed, TooLarge, Untrusted
from tobari.base.messages.command import Digest, Name
from tobari.base.wire import Message
from tobari.crypto.hpke import Kem
from tobari.crypto.kdf import labelled_hash
from tobari.crypto.labels import Label

MAX_CLAIMS = 1 << 16

Guard = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,47}\Z")]
"""A name of a lock-down measure that the kernel confirmed to be in force."""


class KemKey(Message, frozen=True, kw_only=True):
    """A public key of the service that requests are sealed to."""

    kem: Kem
    key: Annotated[bytes, Meta(min_length=32, max_length=4096)]


class Claims(Message, frozen=True, kw_only=True, rename={"nonce": "eat_nonce"}):
    """Who answers, with which keys, running what."""

    service: Digest
    """Service id: the audience of every command."""
    identity: Annotated[bytes, Meta(min_length=32, max_length=33)]
    """Verifying key that signs checkpoints."""
    origin: Annotated[str, Meta(pattern=r"^[^\s+]{1,255}\Z")]
    """Origin line of the checkpoints."""
    node: Annotated[bytes, Meta(min_length=16, max_length=32)]
    """Node id, new at each boot."""
    epoch: Annotated[int, Meta(ge=0, lt=1 << 32)]
    kems: Annotated[list[KemKey], Meta(min_length=1, max_length=8)]
    programs: Annotated[dict[Name, Digest], Meta(max_length=64)]
    """Digest of each program's source: all programs the service runs."""
    configuration: Digest
    guards: Annotated[list[Guard], Meta(max_length=64)]
    nonce: Annotated[bytes, Meta(min_length=8, max_length=64)]
    """The relying party's nonce (`eat_nonce`)."""

    def with_nonce(self, nonce: bytes) -> Claims:
        """The same claims for another asker."""
        return msgspec.structs.replace(self, nonce=nonce)

    def encode(self) -> bytes:
        """Canonical bytes: what `claims_digest` is made over."""
        return wire.to_cbor(self)


def claims_digest(claims: bytes) -> bytes:
    """The 32 bytes that the platform's report must carry as report data."""
    return labelled_hash(Label.EVIDENCE_CLAIMS, claims)


def read_bound(claims: bytes, *, report_data: bytes) -> Claims:
    """The claims that a verified report binds.

    `report_data` begins with the digest; a platform whose field is longer than 32 bytes fills it with zeros.

    Raises:
        Untrusted: `evidence.report_data` if the report binds other bytes, `evidence.claims` if they cannot be read.
    """
    if not hmac.compare_digest(report_data, claims_digest(claims).ljust(len(report_data), b"\0")):
        raise Untrusted(
            "evidence.report_data", "The report does not bind these claims: keys may have been swapped on the way."
        )
    try:
        return wire.from_cbor(claims, Claims, max_bytes=MAX_CLAIMS)
    except (Malformed, TooLarge):
        raise Untrusted(
            "evidence.claims", "The claims are not as spec/evidence.md says: service and client differ in version."
        ) from None
