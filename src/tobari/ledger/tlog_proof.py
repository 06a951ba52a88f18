"""C2SP tlog-proof: an inclusion proof, its checkpoint and unauthenticated extra data in one text file.

Parsing verifies nothing. What a receipt of ours puts into `extra`, and how it is verified, is in receipt.py.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from tobari.base.errors import Malformed, TooLarge
from tobari.ledger.checkpoint import parse_decimal
from tobari.ledger.note import MAX_NOTE, decode_base64
from tobari.ledger.path import HASH
from tobari.ledger.proof import MAX_PROOF

HEADER = "c2sp.org/tlog-proof@v1"
MAX_EXTRA = 1 << 17
"""Bytes of extra data."""
MAX_TLOG_PROOF = MAX_NOTE + MAX_EXTRA * 4 // 3 + MAX_PROOF * 45 + 256
"""Characters of the file."""


@dataclass(frozen=True, kw_only=True)
class TlogProof:
    """The parts of a proof file; none of them is verified."""

    index: int
    proof: tuple[bytes, ...]
    """Sibling hashes, lowest first."""
    checkpoint: str
    """The signed note, verbatim."""
    extra: bytes = b""

    def encode(self) -> str:
        """The text of the file."""
        lines = [HEADER]
        if self.extra:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(h).decode() for h in self.proof]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> TlogProof:
        """Read the text of a file.

        Raises:
            TooLarge: `proof.too_large`.
            Malformed: `proof.malformed`, or `checkpoint.malformed` for an index that is no number.
        """
        if len(text) > MAX_TLOG_PROOF:
            raise TooLarge("proof.too_large", f"A proof file has at most {MAX_TLOG_PROOF} characters.")
        head, blank, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if first != HEADER or not blank or not checkpoint:
            raise _malformed(f"it starts with {HEADER} and holds a checkpoint below its first empty line")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = _base64(lines.pop(0).removeprefix("extra "))
            if not extra:
                raise _malformed("an extra line without data is left out")
        if not lines or not lines[0].startswith("index "):
            raise _malformed("the index is missing")
        index = parse_decimal(lines.pop(0).removeprefix("index "), what="index")
        if len(lines) > MAX_PROOF:
            raise TooLarge("proof.too_large", f"An inclusion proof has at most {MAX_PROOF} hashes.")
        proof = tuple(_base64(line) for line in lines)
        if any(len(h) != HASH for h in proof):
            raise _malformed("a hash does not have 32 bytes")
        return cls(index=index, proof=proof, checkpoint=checkpoint, extra=extra)


def _base64(text: str) -> bytes:
    data = decode_base64(text)
    if data is None:
        raise _malformed("a line is not base64")
    return data


def _malformed(why: str) -> Malformed:
    return Malformed("proof.malformed", f"This is not a tlog-proof: {why}.")
