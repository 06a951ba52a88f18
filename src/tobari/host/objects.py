"""The object store: sealed objects as plain files, named by the RFC 9162 root over their sealed chunks.

    objects/ab/abcd…       a complete object, never written again
    objects/ab/.abcd….x    one that is being received, or whose upload was cut off (partials.py)

An object appears under its name only when all of it is on the disk (fsync, rename, fsync of the directory), so what has
a name is whole. The name is checked while it is received; what the bytes mean is the enclave's to judge. Blocking:
call it from a thread.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from tobari.base.errors import Malformed, TooLarge, Unavailable, Untrusted
from tobari.base.messages.objects import SEALED_CHUNK, TAG
from tobari.host.config import Limits
from tobari.host.datadir import sync_directory
from tobari.host.partials import Partial, Partials
from tobari.ledger.frontier import Frontier
from tobari.ledger.tree import leaf_hash

_UPLOADS_LEAVE = 2
"""Reserves that uploads leave free, so that whoever fills the disk with objects does not stop the calls of others."""


class ObjectStore:
    """All objects of one data directory."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._lock = threading.Lock()
        self._partials = Partials(limits)
        self._used = 0
        for entry in path.glob("??/*"):
            if entry.name.startswith("."):
                self._partials.adopt(entry)
            else:
                self._used += entry.stat().st_size
        self._used += self._partials.used

    @property
    def used(self) -> int:
        """Bytes of all objects, those included that are being received or were cut off."""
        return self._used

    def path(self, root: bytes) -> Path:
        return self._path / root.hex()[:2] / root.hex()

    def size(self, root: bytes) -> int | None:
        """Bytes of that object; None if it is not here."""
        try:
            return self.path(root).stat().st_size
        except FileNotFoundError:
            return None

    def chunk(self, root: bytes, index: int) -> bytes | None:
        """One sealed chunk; None if the object or the chunk is not here."""
        try:
            with self.path(root).open("rb") as file:
                file.seek(index * SEALED_CHUNK)
                return file.read(SEALED_CHUNK) or None
        except FileNotFoundError:
            return None

    def received(self, root: bytes) -> int:
        """Bytes that are here of an object whose upload was cut off: where to go on."""
        with self._lock:
            self._used -= self._partials.expire()
            return self._partials.size(root)

    def make_room(self, size: int) -> None:
        """See that `size` bytes more are taken now. Uploads that were cut off make room, the oldest first.

        Raises:
            TooLarge: `object.too_large`.
            Unavailable: `object.quota` or `object.disk_full`.
        """
        with self._lock:
            self._make_room(size)

    def reserve(self, size: int) -> None:
        """Count `size` bytes that are about to be written; raises as `make_room` does."""
        with self._lock:
            self._make_room(size)
            self._used += size

    def _make_room(self, size: int) -> None:
        if size > self._limits.object_bytes:
            raise _too_large(self._limits.object_bytes)
        while full := self._full(size):
            freed = self._partials.give_up_oldest()
            if freed == 0:
                raise full
            self._used -= freed

    def _full(self, size: int) -> Unavailable | None:
        if self._used + size > self._limits.quota_bytes:
            return Unavailable("object.quota", "The host's quota for objects is used up; ask its operator.")
        if shutil.disk_usage(self._path).free - size < _UPLOADS_LEAVE * self._limits.reserve_bytes:
            return Unavailable("object.disk_full", "The host's disk is full; ask its operator, or try again later.")
        return None

    def release(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def has_space(self) -> bool:
        """Whether the disk still has the log's reserve: what a call needs, and uploads never come near to."""
        return shutil.disk_usage(self._path).free >= self._limits.reserve_bytes

    def receive(self, root: bytes, *, offset: int = 0) -> Upload:
        """Begin with an object, or go on with one whose first `offset` bytes are here.

        Raises:
            Conflict: `object.offset`.
            OSError: the disk refused.
        """
        target = self.path(root)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        if offset == 0:
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            begun = Partial(path=Path(name), size=0, frontier=Frontier(), since=0.0)
            return Upload(self, root, begun, os.fdopen(descriptor, "wb"), self._limits.object_bytes)
        with self._lock:
            begun = self._partials.take(root, offset)
        try:
            begun = replace(begun, frontier=begun.hashed())
            file = begun.path.open("r+b")
        except OSError:
            begun.path.unlink(missing_ok=True)
            self.release(begun.size)
            raise
        file.seek(begun.size)
        return Upload(self, root, begun, file, self._limits.object_bytes)

    def park(self, root: bytes, partial: Partial) -> None:
        """Keep what an upload that was cut off has brought; its bytes are counted already."""
        with self._lock:
            self._used -= self._partials.keep(root, partial)

    def completed(self, root: bytes) -> None:
        """An object has its name: what other uploads of it left is of no use."""
        with self._lock:
            self._used -= self._partials.forget(root)


class Upload:
    """One object on its way in: `add` its chunks in order, then `finish`. If the line breaks, `park`; in any case
    `abandon` at the end. A step may still run in its thread when the next one is called: they wait for each other.
    """

    def __init__(self, store: ObjectStore, root: bytes, begun: Partial, file: BinaryIO, max_bytes: int) -> None:
        assert begun.frontier is not None
        self._store = store
        self._root = root
        self._max_bytes = max_bytes
        self._frontier = begun.frontier
        self._last = SEALED_CHUNK
        self._size = begun.size
        self._target = store.path(root)
        self._temporary: Path | None = begun.path
        self._file = file
        self._step = threading.Lock()

    def add(self, chunk: bytes) -> None:
        """Write one sealed chunk.

        Raises:
            Malformed: `object.chunking`, a chunk follows one that was not full.
            TooLarge, Unavailable: see `ObjectStore.make_room`.
            OSError: the disk refused.
        """
        with self._step:
            if self._last != SEALED_CHUNK:
                raise Malformed("object.chunking", "Only the last chunk of an object may be short.")
            if self._size + len(chunk) > self._max_bytes:
                raise _too_large(self._max_bytes)
            self._store.reserve(len(chunk))
            self._size += len(chunk)
            self._last = len(chunk)
            self._frontier.append(leaf_hash(chunk))
            self._file.write(chunk)

    def finish(self) -> bool:
        """Give the object its name, durably. False if it was there already.

        Raises:
            Untrusted: `object.root`, the chunks are not those that the root names.
            Malformed: `object.chunking`, a length that no sealed object has.
            OSError: the disk refused.
        """
        with self._step:
            if self._last < TAG + (self._frontier.size > 1) or self._frontier.size == 0:
                raise Malformed(
                    "object.chunking", "An object is sealed chunks of 1 MiB and a tag each; the last is shorter."
                )
            if self._frontier.root() != self._root:
                raise Untrusted("object.root", "These bytes are not the object of that root; send them again.")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            assert self._temporary is not None
            new = not self._target.exists()
            if new:
                os.rename(self._temporary, self._target)
                self._temporary = None
                self._size = 0
            # Also when it was there: whoever wrote it may have failed between its name and here.
            sync_directory(self._target.parent)
            sync_directory(self._target.parent.parent)
        self._store.completed(self._root)
        return new

    def park(self) -> None:
        """Keep the chunks that have come, for whoever goes on with them."""
        with self._step:
            if self._temporary is None or self._size == 0 or self._last != SEALED_CHUNK:
                return
            try:
                self._file.close()
            except OSError:
                return
            partial = Partial(path=self._temporary, size=self._size, frontier=self._frontier, since=time.time())
            self._temporary = None
            self._size = 0
        self._store.park(self._root, partial)

    def abandon(self) -> None:
        """Remove what has no name yet; nothing after `finish` or `park`."""
        with self._step:
            with contextlib.suppress(OSError):
                self._file.close()
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)
                self._temporary = None
            self._store.release(self._size)
            self._size = 0


def _too_large(limit: int) -> TooLarge:
    return TooLarge("object.too_large", f"An object may have at most {limit} bytes here.")
