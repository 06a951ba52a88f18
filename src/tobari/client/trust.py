"""TrustStore: the last checkpoint seen of each service, on disk (spec/command.md, "History").

    SERVICE.json              the newest checkpoint known to be part of the service's one history
    SERVICE.SIZE-ROOT.json    a checkpoint that contradicts it: signed by the service, so it is evidence
    SERVICE.lock              held while one is replaced

It never goes backwards: a checkpoint is replaced only by one that was proven against exactly the one that stands there,
whichever process put it there. What is proven is decided in `history`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tobari.base import wire
from tobari.base.logtime import to_text
from tobari.base.wire import Message
from tobari.client import files
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.note import MAX_NOTE, NoteKey

_MAX_FILE = 8 * MAX_NOTE
_MAX_EVIDENCE = 16
"""Contradicting checkpoints kept of one service; one is enough to prove it."""


class _Record(Message, frozen=True, kw_only=True):
    note: str
    seen_at: int


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A checkpoint, and when it was seen first (milliseconds since 1970, own clock)."""

    checkpoint: Checkpoint
    note: str
    seen_at: int

    def __str__(self) -> str:
        root = self.checkpoint.root_hash.hex()[:16]
        return f"{self.checkpoint.tree_size} entries (root {root}…, seen {to_text(self.seen_at)})"


class TrustStore:
    """A folder of checkpoints. Safe to share between processes and threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, service: bytes, *, key: NoteKey) -> Seen | None:
        """The newest checkpoint of a service (32-byte id), None if none was seen yet.

        Raises:
            Malformed, TooLarge, Untrusted: the file was damaged. Find out why before you remove it.
        """
        data = files.read(self._path(service), max_bytes=_MAX_FILE)
        if data is None:
            return None
        record = wire.from_json(data, _Record, max_bytes=_MAX_FILE)
        return Seen(checkpoint=open_checkpoint(record.note, key), note=record.note, seen_at=record.seen_at)

    def replace(self, service: bytes, new: Seen, *, expected: Seen | None, key: NoteKey) -> bool:
        """Put `new` where `expected` stands. False, and nothing is changed, if something else stands there by now."""
        files.make_private(self.folder)
        with files.locked(self.folder / f"{service.hex()}.lock"):
            if self.load(service, key=key) != expected:
                return False
            files.replace(self._path(service), _encode(new))
            return True

    def keep_evidence(self, service: bytes, found: Seen) -> Path:
        """Keep a checkpoint that contradicts the history, and return where."""
        files.make_private(self.folder)
        checkpoint = found.checkpoint
        name = f"{service.hex()}.{checkpoint.tree_size}-{checkpoint.root_hash.hex()[:16]}.json"
        path = self.folder / name
        kept = list(self.folder.glob(f"{service.hex()}.*-*.json"))
        if path not in kept and len(kept) < _MAX_EVIDENCE:
            files.replace(path, _encode(found))
        return path if path.exists() else kept[0]

    def _path(self, service: bytes) -> Path:
        return self.folder / f"{service.hex()}.json"


def _encode(seen: Seen) -> bytes:
    return wire.to_json(_Record(note=seen.note, seen_at=seen.seen_at))
