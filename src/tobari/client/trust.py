"""TrustStore: the last checkpoint seen of each service, on disk (spec/command.md, "History").

    SERVICE.json              the newest checkpoint known to be part of the service's one history
    SERVICE.SIZE-ROOT.json            a checkpoint that contradicts it, both with their signatures, and the proof
    SERVICE.SIZE-ROOT.unproven.json   one that is smaller, or not shown to continue it: to compare with what others have
    SERVICE.lock                      held while one of them is written

It never goes backwards: a checkpoint is replaced only by one that was proven against exactly the one that stands there,
whichever process put it there. What is proven is decided in `history`.
"""

from __future__ import annotations

from collections.abc import Sequence
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
"""Pieces of evidence kept of one service; one that is proven is enough, and takes the place of one that is not."""
_UNPROVEN = ".unproven.json"


class _Record(Message, frozen=True, kw_only=True):
    note: str
    seen_at: int


class _EvidenceRecord(Message, frozen=True, kw_only=True):
    known: _Record
    found: _Record
    proven: bool
    earlier_root: bytes
    proof: list[bytes]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A checkpoint, and when it was seen first (milliseconds since 1970, own clock)."""

    checkpoint: Checkpoint
    note: str
    seen_at: int

    def __str__(self) -> str:
        root = self.checkpoint.root_hash.hex()[:16]
        return f"{self.checkpoint.tree_size} entries (root {root}…, seen {to_text(self.seen_at)})"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Two checkpoints that do not go together, both signed by the service."""

    known: Seen
    found: Seen
    proven: bool
    """Anybody can see that the service forked its log; else only this client knows in which order it saw the two."""
    earlier_root: bytes = b""
    """Root of the larger tree over as many leaves as the smaller one has, and it is another; empty if the sizes say it
    all."""
    proof: Sequence[bytes] = ()
    """That it is: the consistency proof from `earlier_root` to the larger tree."""


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
        with files.locked(self._lock(service)):
            if self.load(service, key=key) != expected:
                return False
            files.replace(self._path(service), _encode(new))
            return True

    def keep_evidence(self, service: bytes, evidence: Evidence) -> Path | None:
        """Keep checkpoints that do not go together, and return where; None if enough are kept already."""
        files.make_private(self.folder)
        found = evidence.found.checkpoint
        ending = ".json" if evidence.proven else _UNPROVEN
        path = self.folder / f"{service.hex()}.{found.tree_size}-{found.root_hash.hex()}{ending}"
        with files.locked(self._lock(service)):
            kept = sorted(self.folder.glob(f"{service.hex()}.*-*.json"))
            if path in kept:
                return path
            if len(kept) >= _MAX_EVIDENCE:
                unproven = [other for other in kept if other.name.endswith(_UNPROVEN)]
                if not evidence.proven or not unproven:
                    return None
                unproven[0].unlink()
            files.replace(path, _encode_evidence(evidence))
        return path

    def _path(self, service: bytes) -> Path:
        return self.folder / f"{service.hex()}.json"

    def _lock(self, service: bytes) -> Path:
        return self.folder / f"{service.hex()}.lock"


def _record(seen: Seen) -> _Record:
    return _Record(note=seen.note, seen_at=seen.seen_at)


def _encode(seen: Seen) -> bytes:
    return wire.to_json(_record(seen))


def _encode_evidence(evidence: Evidence) -> bytes:
    return wire.to_json(
        _EvidenceRecord(
            known=_record(evidence.known),
            found=_record(evidence.found),
            proven=evidence.proven,
            earlier_root=evidence.earlier_root,
            proof=list(evidence.proof),
        )
    )
