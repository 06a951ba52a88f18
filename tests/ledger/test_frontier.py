from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base.errors import Malformed
from tobari.ledger.frontier import Frontier
from tobari.ledger.proof import verify_inclusion
from tobari.ledger.tree import EMPTY_ROOT, Tree, leaf_hash


def leaves(first: int, count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % i) for i in range(first, first + count)]


@given(st.lists(st.integers(0, 70), max_size=10))
@settings(max_examples=80, deadline=None)
def test_every_batch_is_proved_as_the_tree_would(counts: list[int]) -> None:
    tree, frontier = Tree(), Frontier()
    for count in counts:
        hashes = leaves(tree.size, count)
        tree.extend(hashes)
        batch = frontier.extend(hashes)
        assert (frontier.size, frontier.root()) == (tree.size, tree.root())
        assert (batch.first, batch.size) == (tree.size - count, tree.size)
        for index in range(batch.first, batch.size):
            assert batch.inclusion_proof(index) == tree.inclusion_proof(index)
        # What is sealed and read back goes on as if nothing had happened.
        frontier = Frontier.restore(frontier.size, frontier.hashes)


def test_appending_one_by_one_is_the_same() -> None:
    tree, frontier = Tree(), Frontier()
    assert frontier.root() == EMPTY_ROOT
    for leaf in leaves(0, 130):
        tree.append(leaf)
        frontier.append(leaf)
        assert frontier.root() == tree.root()
        assert len(frontier.hashes) == frontier.size.bit_count()


def test_a_batch_of_thousands_on_a_large_log() -> None:
    size = (1 << 40) + 12345
    frontier = Frontier.restore(size, leaves(0, size.bit_count()))
    hashes = leaves(100, 3000)
    batch = frontier.extend(hashes)
    for offset in (0, 1, 1499, 2999):
        verify_inclusion(
            leaf_hash=hashes[offset],
            index=size + offset,
            tree_size=frontier.size,
            proof=batch.inclusion_proof(size + offset),
            root_hash=frontier.root(),
        )


def test_a_batch_proves_its_own_leaves_only() -> None:
    frontier = Frontier()
    frontier.extend(leaves(0, 5))
    batch = frontier.extend(leaves(5, 2))
    for index in (4, 7, -1):
        with pytest.raises(IndexError):
            batch.inclusion_proof(index)


@pytest.mark.parametrize(
    ("size", "count", "length"),
    [(-1, 0, 32), (0, 1, 32), (3, 1, 32), (4, 2, 32), (1, 1, 31), (1 << 63, 1, 32)],
    ids=["negative", "hash-of-nothing", "too-few", "too-many", "short-hash", "too-large"],
)
def test_no_frontier_of_the_wrong_shape(size: int, count: int, length: int) -> None:
    with pytest.raises(Malformed) as caught:
        Frontier.restore(size, [bytes(length)] * count)
    assert caught.value.code == "ledger.frontier"


def test_a_leaf_hash_has_32_bytes() -> None:
    frontier = Frontier()
    for add in (lambda: frontier.append(b"short"), lambda: frontier.extend([bytes(32), b"short"])):
        with pytest.raises(Malformed) as caught:
            add()
        assert caught.value.code == "ledger.leaf_hash"
    assert frontier.size == 0
