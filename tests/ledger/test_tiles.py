from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base.errors import Malformed, NotFound, TooLarge, Untrusted
from tobari.ledger.path import HASH
from tobari.ledger.tiles import (
    MAX_LEVEL,
    TilePath,
    TileReader,
    decode_bundle,
    encode_bundle,
    read_tile,
    tile,
    tile_paths,
)
from tobari.ledger.tree import Tree, leaf_hash

SIZE = 66_000
TREE = Tree()
TREE.extend(leaf_hash(b"%d" % i) for i in range(SIZE))


def test_the_examples_of_the_specification() -> None:
    assert str(TilePath(kind=0, index=1_234_067)) == "tile/0/x001/x234/067"
    by_level = [[where for where in tile_paths(70_000) if where.kind == level] for level in range(MAX_LEVEL + 1)]
    assert [len(paths) for paths in by_level] == [274, 2, 1, 0, 0, 0, 0, 0]
    assert [str(paths[-1]) for paths in by_level[:3]] == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
    assert [str(where) for where in tile_paths(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tile_paths(0)) == []
    assert str(next(tile_paths(1 << 62))) == "tile/0/000", "as lazily as a size that nobody checked asks for"


kinds = st.one_of(st.integers(0, MAX_LEVEL), st.sampled_from(["entries", "public"]))


@given(kinds, st.integers(0, (1 << 63) - 1), st.integers(1, 256))
@settings(max_examples=100, deadline=None)
def test_a_path_reads_back(kind: int | str, index: int, width: int) -> None:
    where = TilePath(kind=kind, index=index, width=width)  # type: ignore[arg-type]
    assert TilePath.parse(str(where)) == where


@pytest.mark.parametrize(
    "text",
    [
        "",
        "checkpoint",
        "tile/0",
        "tile/0/",
        "tile/0/1",
        "tile/0/0001",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/01",
        "tile/0/000.p/-1",
        "tile/0/000.p/",
        "tile/00/000",
        "tile/8/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/\u0661/000",
        "tile/0/\u0660\u0660\u0660",
        "tile/secret/000",
        "tile/0/../../etc/passwd",
        "tile/0//000",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/" + "x999/" * 30 + "999",
        "tile/" + "9" * 5000 + "/000",
    ],
)
def test_a_path_that_is_none(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        TilePath.parse(text)
    assert caught.value.code == "ledger.path"


def serve(size: int, *, forget_partials: bool = False) -> dict[str, bytes]:
    """The tiles of the tree when it had `size` leaves; or only the full ones, of the tree as it is now."""
    if forget_partials:
        return {str(where): tile(TREE, where) for where in tile_paths(SIZE) if where.width == 256}
    return {str(where): tile(TREE, where) for where in tile_paths(size)}


@given(st.sampled_from([1, 2, 255, 256, 257, 511, 700, 65_535, 65_536, 65_537, SIZE]), st.data())
@settings(max_examples=60, deadline=None)
def test_proofs_from_tiles_are_those_of_the_tree(size: int, data: st.DataObject) -> None:
    reader = TileReader(serve(size).get, size)
    assert reader.root() == TREE.root(size)
    index = data.draw(st.integers(0, size - 1))
    assert reader.leaf_hash(index) == leaf_hash(b"%d" % index)
    assert reader.inclusion_proof(index) == TREE.inclusion_proof(index, size)
    assert reader.consistency_proof(index + 1) == TREE.consistency_proof(index + 1, size)


def test_a_full_tile_stands_for_the_partial_one_it_replaced() -> None:
    reader = TileReader(serve(300, forget_partials=True).get, 300)
    assert reader.inclusion_proof(299) == TREE.inclusion_proof(299, 300)


def test_few_tiles_are_read_for_a_proof() -> None:
    asked: list[str] = []
    files = serve(SIZE)

    def read(path: str) -> bytes | None:
        asked.append(path)
        return files.get(path)

    TileReader(read, SIZE).inclusion_proof(12_345)
    assert len(asked) == len(set(asked)) <= 6


def test_what_is_missing_or_cut_is_said() -> None:
    files = serve(300)
    for change, code in (({"tile/0/000": None}, "ledger.missing"), ({"tile/0/000": bytes(31)}, "ledger.tile")):
        with pytest.raises(Untrusted) as caught:
            TileReader({**files, **change}.get, 300).inclusion_proof(3)
        assert caught.value.code == code
    with pytest.raises(Untrusted):
        read_tile({"tile/0/000.p/2": bytes(3 * HASH)}.get, TilePath(kind=0, index=0, width=2))
    for ask in (
        lambda reader: reader.inclusion_proof(300),
        lambda reader: reader.inclusion_proof(-1),
        lambda reader: reader.consistency_proof(0),
        lambda reader: reader.leaf_hash(300),
    ):
        with pytest.raises(NotFound):
            ask(TileReader(files.get, 300))


def test_no_tile_beyond_the_tree() -> None:
    with pytest.raises(NotFound):
        tile(TREE, TilePath(kind=0, index=SIZE // 256))


@given(st.sampled_from(["entries", "public"]), st.lists(st.binary(max_size=40), max_size=20), st.integers(0, 10))
@settings(max_examples=80, deadline=None)
def test_a_bundle_reads_back_and_a_cut_one_says_so(kind: str, items: list[bytes], cut: int) -> None:
    data = encode_bundle(kind, items)  # type: ignore[arg-type]
    assert decode_bundle(kind, data) == (items, True)  # type: ignore[arg-type]
    found, _ = decode_bundle(kind, data[: max(0, len(data) - cut)])  # type: ignore[arg-type]
    assert found == items[: len(found)]


def test_limits_of_a_bundle() -> None:
    with pytest.raises(TooLarge):
        encode_bundle("entries", [bytes(1025)])
    for data in ((1025).to_bytes(2, "big") + bytes(1025), bytes(2 * 257)):
        with pytest.raises(Untrusted) as caught:
            decode_bundle("entries", data)
        assert caught.value.code == "ledger.bundle"
