"""Which nodes a proof is made of (RFC 9162, sections 2.1.3.1 and 2.1.4.1), whoever keeps the nodes.

A node is named by (level, index): it is the root over the leaves index * 2**level up to (index + 1) * 2**level - 1,
all of which must exist. Every proof is a list of such nodes plus at most one hash of the incomplete right edge, which
is folded from the complete nodes below it. Tree, Frontier and TileReader differ only in where a node comes from.

Nothing is verified here: see proof.py.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

Node = Callable[[int, int], bytes]
"""(level, index) -> 32-byte hash of a complete node."""

HASH = 32
"""Bytes of every hash."""
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves (RFC 9162, section 2.1.1)."""
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(NODE_PREFIX + left + right).digest()


def parents(hashes: bytes) -> bytes:
    """The level above: `hashes` is packed, and an odd last hash has no parent yet."""
    even = len(hashes) - len(hashes) % (2 * HASH)
    return b"".join([sha256(NODE_PREFIX + hashes[k : k + 64]).digest() for k in range(0, even, 2 * HASH)])


def edges(node: Node, size: int) -> list[bytes]:
    """The right edge of a tree of `size` leaves: item l is the root over its last `size` mod 2**l leaves.

    Where there are none it is empty. The last item is the root of the tree. One list serves all proofs of one size.
    """
    found = [b""]
    for level in range(size.bit_length()):
        edge = found[-1]
        if size >> level & 1:
            peak = node(level, (size >> level) - 1)
            edge = node_hash(peak, edge) if edge else peak
        found.append(edge)
    return found


def path(node: Node, edge: list[bytes], level: int, index: int, size: int) -> list[bytes]:
    """The siblings from node (level, index) up to the root of `size` leaves, lowest first; `edge` is of that size."""
    siblings = []
    last = (size - 1) >> level
    while last:
        sibling = index ^ 1
        if sibling < last:
            siblings.append(node(level, sibling))
        elif sibling == last:
            siblings.append(edge[level] or node(level, sibling))
        index, last, level = index >> 1, last >> 1, level + 1
    return siblings


def consistency(node: Node, edge: list[bytes], first: int, second: int) -> list[bytes]:
    """The proof that the tree of `first` leaves (at least one) is the beginning of the tree of `second`."""
    if first == second:
        return []
    # The last complete node of the old tree: its siblings rebuild both roots. If it is the whole old tree, the
    # verifier has it already.
    level = (first & -first).bit_length() - 1
    index = (first >> level) - 1
    start = [node(level, index)] if index else []
    return start + path(node, edge, level, index, second)
