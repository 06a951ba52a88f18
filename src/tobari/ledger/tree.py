"""The Merkle tree of RFC 9162, section 2.1, in memory and packed: 64 bytes for each leaf, and no objects.

Level l is one bytearray with the hashes of all complete nodes over 2**l leaves. The incomplete right edge is never
stored, so nothing that is stored changes again: that is also what tiles need.

Not for the enclave, which keeps only a Frontier, and not for trees larger than memory: those are served from tiles.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from tobari.base.errors import Malformed, NotFound
from tobari.ledger import path
from tobari.ledger.path import EMPTY_ROOT, HASH, NODE_PREFIX, leaf_hash, node_hash

__all__ = ["EMPTY_ROOT", "Tree", "leaf_hash", "node_hash"]


class Tree:
    """Append-only. Indexes count from 0; a `size` left out means the tree as it is now."""

    def __init__(self) -> None:
        self._levels = [bytearray()]

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // HASH

    def append(self, leaf_hash: bytes) -> int:
        """Add one leaf by its hash and return its index.

        Raises:
            Malformed: `ledger.leaf_hash`, not 32 bytes.
        """
        if len(leaf_hash) != HASH:
            raise Malformed("ledger.leaf_hash", "A leaf hash has 32 bytes: hash the leaf with leaf_hash first.")
        levels = self._levels
        level = levels[0]
        index = count = len(level) // HASH
        level += leaf_hash
        height = 0
        while count & 1:  # the hash just added completes a pair
            parent = sha256(NODE_PREFIX + level[-2 * HASH :]).digest()
            height += 1
            count >>= 1
            if height == len(levels):
                levels.append(bytearray())
            level = levels[height]
            level += parent
        return index

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add many leaves: the same tree as `append` gives, at a third of its cost.

        Raises:
            Malformed: `ledger.leaf_hash`; nothing is added then.
        """
        leaf_hashes = list(leaf_hashes)
        if any(len(h) != HASH for h in leaf_hashes):
            raise Malformed("ledger.leaf_hash", "A leaf hash has 32 bytes: hash the leaf with leaf_hash first.")
        added = b"".join(leaf_hashes)
        height = 0
        while added:
            if height == len(self._levels):
                self._levels.append(bytearray())
            level = self._levels[height]
            first = len(level) - len(level) % (2 * HASH)  # a hash that waited for its sibling goes along
            level += added
            added = path.parents(level[first:])
            height += 1

    def node(self, level: int, index: int) -> bytes:
        """Hash of a complete node; see `tobari.ledger.path`."""
        return bytes(self._levels[level][index * HASH : (index + 1) * HASH])

    def nodes(self, level: int, first: int, count: int) -> bytes:
        """`count` complete nodes of one level, packed.

        Raises:
            NotFound: `ledger.beyond`, when the tree has not all of them.
        """
        hashes = self._levels[level][first * HASH : (first + count) * HASH] if level < len(self._levels) else b""
        if first < 0 or len(hashes) != count * HASH:
            raise NotFound("ledger.beyond", "The tree does not reach that far yet: ask for what its checkpoint covers.")
        return bytes(hashes)

    def root(self, size: int | None = None) -> bytes:
        """Root over the first `size` leaves.

        Raises:
            NotFound: `ledger.beyond`, as do the proofs.
        """
        return path.root(self.node, self._within(size))

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """The siblings of leaf `index` in the tree of `size` leaves, lowest first (RFC 9162, section 2.1.3.1)."""
        size = self._within(size)
        if not 0 <= index < size:
            raise NotFound("ledger.beyond", "The tree has no leaf of that index: ask for one below its size.")
        return path.path(self.node, 0, index, size)

    def consistency_proof(self, first: int, second: int | None = None) -> list[bytes]:
        """Proof that `first` leaves are the beginning of `second` (RFC 9162, section 2.1.4.1)."""
        second = self._within(second)
        if not 0 < first <= second:
            raise NotFound("ledger.beyond", "A consistency proof starts at a size of 1 up to the second size.")
        return path.consistency(self.node, first, second)

    def _within(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise NotFound("ledger.beyond", "The tree does not reach that far yet: ask for what its checkpoint covers.")
        return size
