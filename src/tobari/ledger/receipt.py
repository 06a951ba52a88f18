"""Receipts: proof that the log holds an entry with these claims (spec/ledger.md), as a C2SP tlog-proof file.

`extra` is canonical CBOR {header, claims, salt}. It is not authenticated by the file format; it is by the steps below,
since the header is the leaf and the header holds the digest of the claims. What the claims mean is their program's.
A receipt says that an entry is in the tree of one checkpoint, not that no other tree was ever shown to somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Annotated, Literal

from msgspec import Meta

from tobari.base import wire
from tobari.base.errors import Untrusted
from tobari.base.wire import Message
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.entry import MAX_CLAIMS, MAX_HEADER, SALT, LeafHeader, claims_digest
from tobari.ledger.note import NoteKey
from tobari.ledger.path import leaf_hash
from tobari.ledger.proof import verify_inclusion
from tobari.ledger.tlog_proof import MAX_EXTRA, TlogProof


class _Extra(Message, frozen=True, kw_only=True):
    header: Annotated[bytes, Meta(max_length=MAX_HEADER)]
    claims: Annotated[bytes, Meta(max_length=MAX_CLAIMS)]
    salt: Annotated[bytes, Meta(min_length=SALT, max_length=SALT)]


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The parts of a receipt; nothing is verified before `verify`."""

    header: bytes
    """Canonical bytes of the leaf header."""
    claims: bytes
    salt: bytes
    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    """The signed note, verbatim."""

    @classmethod
    def build(cls, *, header: bytes, claims: bytes, salt: bytes, proof: Sequence[bytes], checkpoint: str) -> Receipt:
        """A receipt for the entry of `header`, whose index is the header's own.

        Raises:
            TooLarge, Malformed: see `LeafHeader.from_bytes`.
        """
        index = LeafHeader.from_bytes(header).seq
        return cls(
            header=header, claims=claims, salt=salt, index=index, proof=tuple(proof), checkpoint=checkpoint
        )  # fmt: skip

    def encode(self) -> str:
        """The text of a `.tlog-proof` file."""
        extra = wire.to_cbor(_Extra(header=self.header, claims=self.claims, salt=self.salt))
        return TlogProof(index=self.index, proof=self.proof, checkpoint=self.checkpoint, extra=extra).encode()

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read the text of a file.

        Raises:
            TooLarge, Malformed: see `TlogProof.parse`, `cbor.decode` and `wire.convert`.
        """
        file = TlogProof.parse(text)
        extra = wire.from_cbor(file.extra, _Extra, max_bytes=MAX_EXTRA)
        return cls(
            header=extra.header,
            claims=extra.claims,
            salt=extra.salt,
            index=file.index,
            proof=file.proof,
            checkpoint=file.checkpoint,
        )


@dataclass(frozen=True, kw_only=True)
class VerifiedReceipt:
    """What a receipt proves."""

    checkpoint: Checkpoint
    header: LeafHeader
    claims: bytes
    cosigned: Literal["uncosigned"]
    """Nobody but the log's own enclave has signed this tree: a lone node's rollback would not be seen in it."""


def verify(receipt: Receipt, *, key: NoteKey) -> VerifiedReceipt:
    """Verify a receipt against the log's key.

    1. The checkpoint is signed by `key`, and its origin is the key's name.
    2. Cosignatures: none is known yet, so the receipt is `uncosigned`.
    3. The header is a leaf header in canonical form, and its `seq` is the index the receipt names.
    4. The header's leaf hash stands at that index in the checkpoint's tree (RFC 9162, section 2.1.3.2).
    5. The header holds the digest of these claims under this salt.

    Raises:
        TooLarge, Malformed: a part is not what its format says.
        Untrusted: `note.signature`, `note.unknown_key`, `checkpoint.origin`, `receipt.index`, `ledger.inclusion`,
            `receipt.claims`.
    """
    # 1
    checkpoint = open_checkpoint(receipt.checkpoint, key)
    # 2
    cosigned: Literal["uncosigned"] = "uncosigned"
    # 3
    header = LeafHeader.from_bytes(receipt.header)
    if header.seq != receipt.index:
        raise Untrusted("receipt.index", "The receipt names another index than its entry: ask for a new receipt.")
    # 4
    verify_inclusion(
        leaf_hash=leaf_hash(receipt.header),
        index=receipt.index,
        tree_size=checkpoint.tree_size,
        proof=receipt.proof,
        root_hash=checkpoint.root_hash,
    )
    # 5
    if not compare_digest(claims_digest(receipt.salt, receipt.claims), header.claims):
        raise Untrusted("receipt.claims", "The entry does not hold these claims: do not rely on them.")
    return VerifiedReceipt(checkpoint=checkpoint, header=header, claims=receipt.claims, cosigned=cosigned)
