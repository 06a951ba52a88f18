"""Checkpoints (C2SP tlog-checkpoint): a log's size and root, signed under the log's origin.

The key name is the origin. Extension lines are read over, as the specification asks, and never written: nobody could
audit them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from tobari.base.errors import Malformed, Untrusted
from tobari.crypto.signing import SigningKey
from tobari.ledger.note import NoteKey, decode_base64, open_note, sign_note
from tobari.ledger.path import EMPTY_ROOT, HASH
from tobari.ledger.proof import MAX_SIZE


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a log says of itself.

    Raises:
        Malformed: `checkpoint.malformed`, for values that no checkpoint can state.
    """

    origin: str
    tree_size: int
    root_hash: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin or not 0 <= self.tree_size <= MAX_SIZE:
            raise _malformed("the origin or the tree size is out of bounds")
        if len(self.root_hash) != HASH or (self.tree_size == 0 and self.root_hash != EMPTY_ROOT):
            raise _malformed("the root hash does not have 32 bytes, or is not that of an empty tree")

    @property
    def text(self) -> str:
        """Three lines: origin, size, root."""
        return f"{self.origin}\n{self.tree_size}\n{base64.b64encode(self.root_hash).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text. Whoever has the note should use `open_checkpoint`.

        Raises:
            Malformed: `checkpoint.malformed`.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() != "" or "" in lines:
            raise _malformed("it needs three lines or more, none of them empty")
        origin, size, encoded, *_ = lines
        root_hash = decode_base64(encoded)
        if root_hash is None:
            raise _malformed("the root hash is not base64")
        return cls(origin=origin, tree_size=parse_decimal(size, what="tree size"), root_hash=root_hash)

    def sign(self, key: SigningKey) -> str:
        """The signed note. Who signs answers for consistency with everything it signed before."""
        return sign_note(self.text, self.origin, key)


def open_checkpoint(note: str, key: NoteKey) -> Checkpoint:
    """The checkpoint in `note`, signed by the log that `key` names.

    Raises:
        TooLarge, Malformed, Untrusted: see `open_note`; also `checkpoint.malformed`.
        Untrusted: `checkpoint.origin`, another log's checkpoint.
    """
    checkpoint = Checkpoint.parse(open_note(note, [key]).text)
    if checkpoint.origin != key.name:
        raise Untrusted("checkpoint.origin", "This checkpoint is of another log than the one its key belongs to.")
    return checkpoint


def parse_decimal(text: str, *, what: str) -> int:
    """ASCII decimal without leading zeros, at most MAX_SIZE.

    Raises:
        Malformed: `checkpoint.malformed`.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or (text[0] == "0" and text != "0"):
        raise _malformed(f"the {what} is not a decimal number")
    number = int(text)
    if number > MAX_SIZE:
        raise _malformed(f"the {what} is out of bounds")
    return number


def _malformed(why: str) -> Malformed:
    return Malformed("checkpoint.malformed", f"This is not a checkpoint: {why}.")
