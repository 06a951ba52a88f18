from __future__ import annotations

import json
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base.errors import Malformed, NotFound
from tobari.ledger.path import HASH
from tobari.ledger.tree import EMPTY_ROOT, Tree, leaf_hash, node_hash


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % i) for i in range(count)]


def rfc_root(hashes: list[bytes]) -> bytes:
    """The recursive definition of RFC 9162, section 2.1.1."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(rfc_root(hashes[:k]), rfc_root(hashes[k:]))


def rfc_path(m: int, hashes: list[bytes]) -> list[bytes]:
    """The recursive definition of section 2.1.3.1."""
    if len(hashes) == 1:
        return []
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if m < k:
        return [*rfc_path(m, hashes[:k]), rfc_root(hashes[k:])]
    return [*rfc_path(m - k, hashes[k:]), rfc_root(hashes[:k])]


def rfc_subproof(m: int, hashes: list[bytes], complete: bool) -> list[bytes]:
    """The recursive definition of section 2.1.4.1."""
    if m == len(hashes):
        return [] if complete else [rfc_root(hashes)]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if m <= k:
        return [*rfc_subproof(m, hashes[:k], complete), rfc_root(hashes[k:])]
    return [*rfc_subproof(m - k, hashes[k:], False), rfc_root(hashes[:k])]


def test_known_roots(shared_vectors: pathlib.Path) -> None:
    known = json.loads((shared_vectors / "rfc6962-merkle" / "known_roots.json").read_text())
    tree = Tree()
    assert tree.root().hex() == known["root_by_size_hex"][0]
    for leaf, root in zip(known["leaf_inputs_hex"], known["root_by_size_hex"][1:], strict=True):
        tree.append(leaf_hash(bytes.fromhex(leaf)))
        assert tree.root().hex() == root
    assert [tree.root(size).hex() for size in range(9)] == known["root_by_size_hex"]


def test_every_proof_of_small_trees_is_the_one_the_rfc_defines() -> None:
    tree = Tree()
    tree.extend(leaves(33))
    for size in range(1, 34):
        hashes = leaves(size)
        assert tree.root(size) == rfc_root(hashes)
        assert [tree.inclusion_proof(i, size) for i in range(size)] == [rfc_path(i, hashes) for i in range(size)]
        for first in range(1, size + 1):
            assert tree.consistency_proof(first, size) == rfc_subproof(first, hashes, True)


@given(st.lists(st.integers(0, 40), max_size=12))
@settings(max_examples=60, deadline=None)
def test_extend_is_append_many_times(counts: list[int]) -> None:
    one, many = Tree(), Tree()
    hashes = iter(leaves(sum(counts)))
    for count in counts:
        part = [next(hashes) for _ in range(count)]
        many.extend(part)
        for leaf in part:
            one.append(leaf)
        if count % 2:  # asking in between hashes what is there so far
            assert one.root() == many.root()
    assert one.size == many.size == sum(counts)
    assert one.root() == many.root()


def test_a_leaf_hash_has_32_bytes() -> None:
    tree = Tree()
    tree.extend(leaves(3))
    for wrong in (b"", b"x" * 31, b"x" * 33):
        with pytest.raises(Malformed) as caught:
            tree.append(wrong)
        assert caught.value.code == "ledger.leaf_hash"
        with pytest.raises(Malformed):
            tree.extend([*leaves(2), wrong])
    assert tree.size == 3


def test_nothing_beyond_the_tree() -> None:
    tree = Tree()
    tree.extend(leaves(5))
    for ask in (
        lambda: tree.root(6),
        lambda: tree.root(-1),
        lambda: tree.inclusion_proof(5),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.inclusion_proof(3, 3),
        lambda: tree.consistency_proof(0),
        lambda: tree.consistency_proof(4, 3),
        lambda: tree.consistency_proof(5, 6),
        lambda: tree.nodes(0, 4, 2),
        lambda: tree.nodes(1, 2, 1),
        lambda: tree.nodes(0, -1, 1),
        lambda: tree.nodes(60, 0, 1),
    ):
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.code == "ledger.beyond"


def test_the_tree_is_packed() -> None:
    tree = Tree()
    tree.extend(leaves(1000))
    tree.root()
    assert sum(len(level) for level in tree._levels) < 2 * 1000 * HASH
