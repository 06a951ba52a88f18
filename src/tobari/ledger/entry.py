"""A log entry's leaf header and the digests in it (spec/ledger.md).

The header's canonical CBOR is the Merkle leaf. It is public and small, and says nothing of who did what: the bodies
lie beside it, under their digests, and can be pruned without touching the tree.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from msgspec import Meta

from tobari.base import wire
from tobari.base.errors import Malformed
from tobari.base.messages.command import Digest
from tobari.base.wire import Message
from tobari.crypto.kdf import labelled_hash
from tobari.crypto.labels import Label

MAX_HEADER = 1024
"""Bytes of an encoded header; tlog-tiles entries could hold 65,535."""
MAX_PUBLIC = 1 << 20
"""Bytes of a public body."""
MAX_CLAIMS = 1 << 16
"""Bytes of claims."""
SALT = 32
"""Bytes of the salt that hides claims with few possible values."""

Count = Annotated[int, Meta(ge=0)]


class LeafHeader(Message, frozen=True, kw_only=True):
    """What the Merkle tree covers of one entry."""

    seq: Count
    """Index of the entry in the log, from 0."""
    term: Count
    """Term of the leader that wrote it."""
    time: Count
    """Log time, milliseconds since 1970; never less than the entry before."""
    public: Digest
    """`public_digest` of the public body (of no bytes, if it has none)."""
    sealed: Digest
    """`sealed_digest` of the body that only the enclave can open."""
    claims: Digest
    """`claims_digest`: what a receipt can prove of this entry."""

    def encode(self) -> bytes:
        """Canonical CBOR, at most MAX_HEADER bytes; `leaf_hash` of it stands in the tree."""
        return wire.to_cbor(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> LeafHeader:
        """Read a leaf.

        Raises:
            TooLarge: `cbor.too_large`.
            Malformed: `cbor.malformed`, `cbor.not_canonical` or `message.malformed`.
        """
        return wire.from_cbor(data, cls, max_bytes=MAX_HEADER)


def public_digest(body: bytes) -> bytes:
    """SHA-256 of the public body as served."""
    return sha256(body).digest()


def sealed_digest(body: bytes) -> bytes:
    """SHA-256 of the ciphertext."""
    return sha256(body).digest()


def claims_digest(salt: bytes, claims: bytes) -> bytes:
    """SHA-256 under `Label.CLAIMS` over salt and claims, each preceded by its length.

    Raises:
        Malformed: `ledger.salt`, not 32 bytes: a short salt would let readers guess the claims.
    """
    if len(salt) != SALT:
        raise Malformed("ledger.salt", f"The salt of claims has {SALT} random bytes.")
    return labelled_hash(Label.CLAIMS, salt, claims)
