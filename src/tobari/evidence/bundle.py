"""EvidenceBundle: all that an attester hands over at once (spec/evidence.md). Nothing in it is verified."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tobari.base import wire
from tobari.base.wire import Message

MAX_BUNDLE = 1 << 20
"""Bytes of a bundle in any spelling."""

PlatformName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z")]
EndorsementName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}\Z")]


class EvidenceBundle(Message, frozen=True, kw_only=True):
    """Canonical CBOR of this map is the body of /v1/evidence."""

    platform: PlatformName
    """Which format `report` has, and so who verifies it."""
    report: bytes
    """The platform's own statement, signed, in the platform's own format."""
    claims: bytes
    """What the service says of itself, bound by the report; empty if the report binds no claims of ours."""
    endorsements: Annotated[dict[EndorsementName, bytes], Meta(max_length=16)]
    """Key material that vouches for the report, by name: the root of `virtual`, certificates and CRLs elsewhere."""

    def encode(self) -> bytes:
        """Canonical bytes."""
        return wire.to_cbor(self)


def decode(data: bytes) -> EvidenceBundle:
    """A bundle out of its canonical bytes, as they come over the wire.

    Raises:
        TooLarge: `cbor.too_large`.
        Malformed: `cbor.*`, `message.malformed`.
    """
    return wire.from_cbor(data, EvidenceBundle, max_bytes=MAX_BUNDLE)
