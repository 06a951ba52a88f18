"""The object store: sealed objects as plain files, named by the RFC 9162 root over their sealed chunks.

    objects/ab/abcd…       a complete object, never written again
    objects/ab/.abcd….x    one that is being received; removed when it fails, and at the next start

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
from pathlib import Path
from typing import BinaryIO

from tobari.base.errors import Malformed, TooLarge, Unavailable, Untrusted
from tobari.base.messages.objects import SEALED_CHUNK, TAG
from tobari.host.config import Limits
from tobari.host.datadir import sync_directory
from tobari.ledger.frontier import Frontier
from tobari.ledger.tree import leaf_hash


class ObjectStore:
    """All objects of one data directory."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._lock = threading.Lock()
        self._used = 0
        for entry in path.glob("??/*"):
            if entry.name.startswith("."):
                entry.unlink()
            else:
                self._used += entry.stat().st_size

    @property
    def used(self) -> int:
        """Bytes of all objects, those being received included."""
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

    def check(self, size: int) -> None:
        """Whether an object of `size` bytes would be taken now.

        Raises:
            TooLarge: `object.too_large`.
            Unavailable: `object.quota` or `object.disk_full`.
        """
        if size > self._limits.object_bytes:
            raise _too_large(self._limits.object_bytes)
        if self._used + size > self._limits.quota_bytes:
            raise Unavailable("object.quota", "The host's quota for objects is used up; ask its operator.")
        if not self.has_space(size):
            raise Unavailable("object.disk_full", "The host's disk is full; ask its operator, or try again later.")

    def reserve(self, size: int) -> None:
        """Count `size` bytes that are about to be written; raises as `check` does."""
        with self._lock:
            self.check(size)
            self._used += size

    def release(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def has_space(self, size: int = 0) -> bool:
        """Whether the disk takes `size` more bytes and still leaves the log its reserve."""
        return shutil.disk_usage(self._path).free - size >= self._limits.reserve_bytes

    def receive(self, root: bytes) -> Upload:
        return Upload(self, root, self._limits.object_bytes)


class Upload:
    """One object on its way in: `add` its chunks in order, then `finish`; `abandon` in any case at the end."""

    def __init__(self, store: ObjectStore, root: bytes, max_bytes: int) -> None:
        self._store = store
        self._root = root
        self._max_bytes = max_bytes
        self._frontier = Frontier()
        self._last = SEALED_CHUNK
        self._size = 0
        self._target = store.path(root)
        self._target.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._target.parent, prefix=f".{self._target.name}.")
        self._temporary: Path | None = Path(name)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")

    def add(self, chunk: bytes) -> None:
        """Write one sealed chunk.

        Raises:
            Malformed: `object.chunking`, a chunk follows one that was not full.
            TooLarge, Unavailable: see `ObjectStore.reserve`.
            OSError: the disk refused.
        """
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
        return new

    def abandon(self) -> None:
        """Remove what has no name yet; nothing after `finish`."""
        with contextlib.suppress(OSError):
            self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None
        self._store.release(self._size)
        self._size = 0


def _too_large(limit: int) -> TooLarge:
    return TooLarge("object.too_large", f"An object may have at most {limit} bytes here.")
