"""Proofs out of the log's tiles, as flows: for receipts asked later and for checkpoints seen out of order.

`TileReader` computes from files that a callable supplies and knows no flows. So the computation is run again each time
it lacks a file, until it lacks none: a proof needs a few files at each of at most eight levels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from tobari.base.errors import Untrusted
from tobari.client.flow import Flow
from tobari.client.log_files import LEDGER, max_bytes
from tobari.client.relay import fetch
from tobari.ledger.tiles import TileReader

T = TypeVar("T")
MAX_FILES = 64


class _Lacking(Exception):
    def __init__(self, path: str) -> None:
        self.path = path


def from_tiles(compute: Callable[[TileReader], T], *, tree_size: int, max_files: int = MAX_FILES) -> Flow[T]:
    """What `compute` makes of the tiles of a tree. Unverified.

    Raises:
        Untrusted: `ledger.missing`, `ledger.tile`; `client.tiles` if it wants more files than a proof can need.
        TobariError: as `relay.fetch` says.
    """
    files: dict[str, bytes | None] = {}

    def read(path: str) -> bytes | None:
        if path not in files:
            raise _Lacking(path)
        return files[path]

    while len(files) < max_files:
        try:
            return compute(TileReader(read, tree_size))
        except _Lacking as lacking:
            path = lacking.path
        files[path] = yield from fetch(LEDGER + path, max_bytes=max_bytes(path))
    raise Untrusted("client.tiles", "The log's tiles do not make a proof.")


def inclusion_proofs(indices: Sequence[int], *, tree_size: int) -> Flow[list[list[bytes]]]:
    """The siblings of each leaf; raises as `from_tiles` does, and NotFound `ledger.beyond`."""
    return from_tiles(
        lambda tiles: [tiles.inclusion_proof(index) for index in indices],
        tree_size=tree_size,
        max_files=MAX_FILES * len(indices),
    )


class FoundEntry(NamedTuple):
    """An entry as the log's files have it."""

    leaf: bytes
    """The leaf header."""
    proof: list[bytes]
    public: bytes | None
    """The public body; None if it is not served (any more)."""


def entry_of(index: int, *, tree_size: int) -> Flow[FoundEntry]:
    """One entry of the tree; raises as `from_tiles` does, and NotFound `ledger.beyond`."""

    def compute(tiles: TileReader) -> FoundEntry:
        leaf = tiles.item("entries", index)
        if leaf is None:
            raise Untrusted("ledger.missing", f"The log does not serve entry {index}.")
        return FoundEntry(leaf, tiles.inclusion_proof(index), tiles.item("public", index))

    return from_tiles(compute, tree_size=tree_size)


def beginning(first: int, *, tree_size: int) -> Flow[tuple[bytes, list[bytes]]]:
    """The root over the first leaves of the tree, and the proof that the tree begins with them.

    Raises: as `from_tiles` does, and NotFound `ledger.beyond`.
    """
    return from_tiles(lambda tiles: (tiles.earlier_root(first), tiles.consistency_proof(first)), tree_size=tree_size)
