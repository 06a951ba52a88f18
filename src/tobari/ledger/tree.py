"""The Merkle tree of RFC 9162, section 2.1, in memory and packed: 64 bytes for each leaf, and no objects.

Level l is one bytearray with the hashes of all complete nodes over 2**l leaves. The incomplete right edge is never
stored, so nothing that is stored changes again: that is also what tiles need. Parents are hashed many at a time, which
costs half of one at a time: at every 256th leaf, or sooner if the tree is asked for anything.

Not for the enclave, which keeps only a Frontier, and not for trees larger than memory: those are served from tiles.
"""

from __future__ import annotations

from collections.abc import Iterable

from tobari.base.errors import Malformed, NotFound
from tobari.ledger import path
from tobari.ledger.path import EMPTY_ROOT, HASH, leaf_hash, node_hash

__all__ = ["EMPTY_ROOT", "Tree", "leaf_hash", "node_hash"]

_TOGETHER = 256 * HASH
"""Bytes of leaves after which `append` hashes their parents."""


class Tree:
    """Append-only. Indexes count from 0; a `size` left out means the tree as it is now."""

    def __init__(self) -> None:
        self._leaves = bytearray()
        self._levels = [self._leaves]
        self._edge_of = (0, [b""])

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._leaves) // HASH

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf by its hash.

        Raises:
            Malformed: `ledger.leaf_hash`, not 32 bytes.
        """
        if len(leaf_hash) != HASH:
            raise Malformed("ledger.leaf_hash", "A leaf hash has 32 bytes: hash the leaf with leaf_hash first.")
        self._leaves += leaf_hash
        if not len(self._leaves) % _TOGETHER:
            self._hash_parents()

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add many leaves by their hashes.

        Raises:
            Malformed: `ledger.leaf_hash`; nothing is added then.
        """
        leaf_hashes = list(leaf_hashes)
        if any(len(h) != HASH for h in leaf_hashes):
            raise Malformed("ledger.leaf_hash", "A leaf hash has 32 bytes: hash the leaf with leaf_hash first.")
        self._leaves += b"".join(leaf_hashes)
        self._hash_parents()

    def nodes(self, level: int, first: int, count: int) -> bytes:
        """`count` complete nodes of one level, packed.

        Raises:
            NotFound: `ledger.beyond`, when the tree has not all of them.
        """
        self._hash_parents()
        hashes = self._levels[level][first * HASH : (first + count) * HASH] if level < len(self._levels) else b""
        if first < 0 or len(hashes) != count * HASH:
            raise NotFound("ledger.beyond", "The tree does not reach that far yet: ask for what its checkpoint covers.")
        return bytes(hashes)

    def root(self, size: int | None = None) -> bytes:
        """Root over the first `size` leaves.

        Raises:
            NotFound: `ledger.beyond`, as do the proofs.
        """
        return self._edge(self._within(size))[-1] or EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """The siblings of leaf `index` in the tree of `size` leaves, lowest first (RFC 9162, section 2.1.3.1)."""
        size = self._within(size)
        if not 0 <= index < size:
            raise NotFound("ledger.beyond", "The tree has no leaf of that index: ask for one below its size.")
        return path.path(self._node, self._edge(size), 0, index, size)

    def consistency_proof(self, first: int, second: int | None = None) -> list[bytes]:
        """Proof that `first` leaves are the beginning of `second` (RFC 9162, section 2.1.4.1)."""
        second = self._within(second)
        if not 0 < first <= second:
            raise NotFound("ledger.beyond", "A consistency proof starts at a size of 1 up to the second size.")
        return path.consistency(self._node, self._edge(second), first, second)

    def _within(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise NotFound("ledger.beyond", "The tree does not reach that far yet: ask for what its checkpoint covers.")
        return size

    def _edge(self, size: int) -> list[bytes]:
        """The right edge, kept for the next proof of the same size."""
        if self._edge_of[0] != size:
            self._hash_parents()
            self._edge_of = (size, path.edges(self._node, size))
        return self._edge_of[1]

    def _node(self, level: int, index: int) -> bytes:
        return bytes(self._levels[level][index * HASH : (index + 1) * HASH])

    def _hash_parents(self) -> None:
        """Bring every level up to the leaves."""
        height = 0
        while len(self._levels[height]) >= 2 * HASH:
            if height + 1 == len(self._levels):
                self._levels.append(bytearray())
            level, above = self._levels[height], self._levels[height + 1]
            added = path.parents(bytes(level[2 * len(above) :]))
            if not added:
                return
            above += added
            height += 1
