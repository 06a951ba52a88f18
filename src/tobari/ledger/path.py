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


def parents(hashes: bytes | bytearray | memoryview) -> bytes:
    """The level above: `hashes` is packed, and an odd last hash has no parent yet."""
    even = len(hashes) - len(hashes) % (2 * HASH)
    return b"".join([sha256(NODE_PREFIX + hashes[k : k + 64]).digest() for k in range(0, even, 2 * HASH)])


def edge_hash(node: Node, level: int, size: int) -> bytes:
    """Root over the last `size` mod 2**level leaves of a tree of `size` leaves; there must be at least one."""
    edge: bytes | None = None
    for low in range(level):
        if size >> low & 1:
            peak = node(low, (size >> low) - 1)
            edge = peak if edge is None else node_hash(peak, edge)
    assert edge is not None
    return edge


def root(node: Node, size: int) -> bytes:
    """Root over the first `size` leaves."""
    return edge_hash(node, size.bit_length(), size) if size else EMPTY_ROOT


def path(node: Node, level: int, index: int, size: int) -> list[bytes]:
    """The siblings from node (level, index) up to the root of `size` leaves, lowest first."""
    siblings = []
    last = (size - 1) >> level
    while last:
        sibling = index ^ 1
        if sibling < last or (sibling == last and not size & ((1 << level) - 1)):
            siblings.append(node(level, sibling))
        elif sibling == last:
            siblings.append(edge_hash(node, level, size))
        index, last, level = index >> 1, last >> 1, level + 1
    return siblings


def consistency(node: Node, first: int, second: int) -> list[bytes]:
    """The proof that the tree of `first` leaves (at least one) is the beginning of the tree of `second`."""
    if first == second:
        return []
    # The last complete node of the old tree: its siblings rebuild both roots. If it is the whole old tree, the
    # verifier has it already.
    level = (first & -first).bit_length() - 1
    index = (first >> level) - 1
    start = [node(level, index)] if index else []
    return start + path(node, level, index, second)
