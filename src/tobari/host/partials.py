"""Uploads that were cut off, kept for a while so that their owners can go on where they were (spec/http.md, "Objects").

Only whole chunks are kept, and nothing is believed of them: after a restart of the host their hashes are computed from
the disk again, and the root decides in the end. Bounded in number, bytes and age; the oldest make room for whatever
needs it. Not safe against threads by itself: the object store's lock is held around every call.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tobari.base.errors import Conflict
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.host.config import Limits
from tobari.ledger.frontier import Frontier
from tobari.ledger.tree import leaf_hash

_ROOT = 64
"""Hexadecimal digits of a root."""


@dataclass(frozen=True, kw_only=True)
class Partial:
    """The first `size` bytes of an object: whole chunks."""

    path: Path
    size: int
    frontier: Frontier | None
    """Over its chunks; None if only the disk has it."""
    since: float
    """Seconds since 1970 at which it was cut off."""

    def hashed(self) -> Frontier:
        """The frontier, computed if need be."""
        if self.frontier is not None:
            return self.frontier
        frontier = Frontier()
        with self.path.open("rb") as file:
            for _ in range(self.size // SEALED_CHUNK):
                frontier.append(leaf_hash(file.read(SEALED_CHUNK)))
        return frontier


class Partials:
    """By root, one of each: the longest. `clock` gives seconds since 1970."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._clock = clock
        self._kept: dict[bytes, Partial] = {}

    @property
    def used(self) -> int:
        """Bytes of all of them."""
        return sum(partial.size for partial in self._kept.values())

    def adopt(self, path: Path) -> None:
        """Take in a file that an earlier process left, or remove it."""
        status = path.stat()
        size = status.st_size // SEALED_CHUNK * SEALED_CHUNK
        try:
            root = bytes.fromhex(path.name[1 : 1 + _ROOT])
        except ValueError:
            root = b""
        if size == 0 or len(root) * 2 != _ROOT:
            path.unlink()
            return
        os.truncate(path, size)
        self.keep(root, Partial(path=path, size=size, frontier=None, since=status.st_mtime))

    def size(self, root: bytes) -> int:
        """Bytes that are here of an object whose upload was cut off; 0 if there was none."""
        partial = self._kept.get(root)
        return 0 if partial is None else partial.size

    def keep(self, root: bytes, partial: Partial) -> int:
        """Keep it, or what is here already, whichever is longer. Returns bytes that were given up."""
        known = self._kept.pop(root, None)
        freed = 0
        if known is not None:
            shorter, partial = sorted((known, partial), key=lambda either: either.size)
            freed += _remove(shorter)
        self._kept[root] = partial
        freed += self.expire()
        while len(self._kept) > self._limits.partials or self.used > self._limits.partial_bytes:
            freed += self.give_up_oldest()
        return freed

    def take(self, root: bytes, size: int) -> Partial:
        """Hand one out to go on with.

        Raises:
            Conflict: `object.offset`, there are not `size` bytes of it.
        """
        partial = self._kept.get(root)
        if partial is None or partial.size != size:
            raise Conflict("object.offset", "The host has another part of this object: ask with HEAD where to go on.")
        return self._kept.pop(root)

    def forget(self, root: bytes) -> int:
        """The object is complete. Returns bytes that were given up."""
        partial = self._kept.pop(root, None)
        return 0 if partial is None else _remove(partial)

    def expire(self) -> int:
        """Give up those that nobody went on with for too long. Returns their bytes."""
        oldest = self._clock() - self._limits.partial_seconds
        return sum(self.forget(root) for root, partial in list(self._kept.items()) if partial.since < oldest)

    def give_up_oldest(self) -> int:
        """Returns its bytes; 0 if there is none."""
        if not self._kept:
            return 0
        return self.forget(min(self._kept, key=lambda root: self._kept[root].since))


def _remove(partial: Partial) -> int:
    partial.path.unlink(missing_ok=True)
    return partial.size
