"""The right edge of a tree: all the enclave keeps of its log (at most 64 hashes, whatever the log's size).

For a tree of n leaves these are the roots of its complete subtrees, one for each bit of n, largest first (the
"compact range" [0, n) of transparency-dev). They are enough to append, to give the root, and to prove the leaves of a
batch while that batch is at hand. They are not enough to prove an older leaf: that is what tiles are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tobari.base.errors import Malformed
from tobari.ledger import path
from tobari.ledger.path import EMPTY_ROOT, HASH, node_hash


class Batch:
    """Leaves that were appended together, with just the nodes that prove them in the tree they completed."""

    def __init__(self, *, first: int, size: int, levels: list[tuple[int, bytes]]) -> None:
        self.first = first
        """Index of the first leaf of the batch."""
        self.size = size
        """Leaves of the tree after the batch."""
        self._levels = levels
        self._edge = path.edges(self._node, size)

    def inclusion_proof(self, index: int) -> list[bytes]:
        """The siblings of leaf `index`, lowest first.

        Raises:
            IndexError: the leaf is not of this batch.
        """
        if not self.first <= index < self.size:
            raise IndexError(index)
        return path.path(self._node, self._edge, 0, index, self.size)

    def _node(self, level: int, index: int) -> bytes:
        start, hashes = self._levels[level]
        return hashes[(index - start) * HASH : (index - start + 1) * HASH]


class Frontier:
    """Append-only, like Tree, and small enough to seal."""

    def __init__(self) -> None:
        self._size = 0
        self._hashes: list[bytes] = []

    @classmethod
    def restore(cls, size: int, hashes: Sequence[bytes]) -> Frontier:
        """The frontier that once had this `size` and these `hashes`.

        Raises:
            Malformed: `ledger.frontier`, when no tree of that size has that many subtrees.
        """
        if not 0 <= size < 1 << 63 or len(hashes) != size.bit_count() or any(len(h) != HASH for h in hashes):
            raise Malformed("ledger.frontier", "These are not the subtree roots of a tree of that size.")
        frontier = cls()
        frontier._size, frontier._hashes = size, list(hashes)
        return frontier

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Roots of the complete subtrees, largest (leftmost) first; what `restore` takes."""
        return tuple(self._hashes)

    def root(self) -> bytes:
        """Root over all leaves."""
        if not self._hashes:
            return EMPTY_ROOT
        *left, edge = self._hashes
        for peak in reversed(left):
            edge = node_hash(peak, edge)
        return edge

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf by its hash.

        Raises:
            Malformed: `ledger.leaf_hash`, not 32 bytes.
        """
        self._check(leaf_hash)
        count = self._size
        while count & 1:
            leaf_hash = node_hash(self._hashes.pop(), leaf_hash)
            count >>= 1
        self._hashes.append(leaf_hash)
        self._size += 1

    def extend(self, leaf_hashes: Iterable[bytes]) -> Batch:
        """Add many leaves by their hashes and return what proves each of them in the new tree.

        Level by level: a subtree that was waiting for its right sibling, then the new nodes. Their parents are the
        new nodes above; an odd one left over is the new frontier's subtree of that level.

        Raises:
            Malformed: `ledger.leaf_hash`; nothing is added then.
        """
        leaf_hashes = list(leaf_hashes)
        for leaf_hash in leaf_hashes:
            self._check(leaf_hash)
        first, size = self._size, self._size + len(leaf_hashes)
        waiting, peaks, levels = list(self._hashes), [], []
        added = b"".join(leaf_hashes)
        for level in range(size.bit_length()):
            hashes = waiting.pop() + added if first >> level & 1 else added
            levels.append((first >> level & ~1, hashes))
            if size >> level & 1:
                peaks.append(hashes[-HASH:])
            added = path.parents(hashes)
        self._size, self._hashes = size, peaks[::-1]
        return Batch(first=first, size=size, levels=levels)

    @staticmethod
    def _check(leaf_hash: bytes) -> None:
        if len(leaf_hash) != HASH:
            raise Malformed("ledger.leaf_hash", "A leaf hash has 32 bytes: hash the leaf with leaf_hash first.")
