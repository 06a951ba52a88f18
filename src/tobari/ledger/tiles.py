"""C2SP tlog-tiles: names of the static files of a log, their bytes, and proofs computed from them.

Kinds of files below the log's prefix: hash tiles `tile/<L>/<N>`, entry bundles `tile/entries/<N>` (leaf headers, each
with a length of two bytes), and ours: `tile/public/<N>` (public bodies, each with a length of four bytes).

`read` is a callable that takes such a path and returns the file's bytes or None; it may be a folder, an HTTP client or
a dictionary. What it returns is not trusted: proofs computed here must be verified (proof.py), bundles hashed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from tobari.base.errors import Malformed, NotFound, TooLarge, Untrusted
from tobari.ledger import path
from tobari.ledger.checkpoint import parse_decimal
from tobari.ledger.entry import MAX_HEADER, MAX_PUBLIC
from tobari.ledger.path import EMPTY_ROOT, HASH, parents
from tobari.ledger.tree import Tree

Read = Callable[[str], bytes | None]
Kind = int | Literal["entries", "public"]
"""Level of a hash tile, or the kind of a bundle."""

WIDTH = 256
"""Hashes of a full tile, entries of a full bundle."""
MAX_LEVEL = 7
"""2**63 leaves need no higher tile."""

_LENGTH_BYTES = {"entries": 2, "public": 4}
_MAX_ITEM = {"entries": MAX_HEADER, "public": MAX_PUBLIC}


@dataclass(frozen=True, kw_only=True)
class TilePath:
    """The name of a tile or bundle. `str` gives the path below the log's prefix, `parse` reads it."""

    kind: Kind
    index: int
    width: int = WIDTH

    def __str__(self) -> str:
        number = f"{self.index % 1000:03d}"
        rest = self.index // 1000
        while rest:
            number = f"x{rest % 1000:03d}/{number}"
            rest //= 1000
        return f"tile/{self.kind}/{number}" + (f".p/{self.width}" if self.width < WIDTH else "")

    @classmethod
    def parse(cls, text: str) -> TilePath:
        """Read a path, which has one spelling only.

        Raises:
            Malformed: `ledger.path`.
        """
        try:
            _, kind_text, number = text.split("/", 2)
            kind: Kind = "entries" if kind_text == "entries" else "public" if kind_text == "public" else int(kind_text)
            number, partial, width = number.partition(".p/")
            index = parse_decimal(number.replace("/", "").replace("x", "").lstrip("0") or "0", what="index")
            tile = cls(kind=kind, index=index, width=int(width) if partial else WIDTH)
        except (ValueError, Malformed):
            tile = None
        if (
            tile is None
            or str(tile) != text
            or (isinstance(tile.kind, int) and not 0 <= tile.kind <= MAX_LEVEL)
            or not 0 < tile.width <= WIDTH
        ):
            raise Malformed(
                "ledger.path", "This is not a path of C2SP tlog-tiles, such as tile/0/x001/234 or tile/0/005.p/7."
            )
        return tile


def tile(tree: Tree, where: TilePath) -> bytes:
    """The bytes of a hash tile of `tree`.

    Raises:
        NotFound: `ledger.beyond`, when the tree does not fill it yet.
    """
    assert isinstance(where.kind, int)
    return tree.nodes(8 * where.kind, where.index * WIDTH, where.width)


def tile_paths(size: int) -> Iterator[TilePath]:
    """All hash tiles of a tree of `size` leaves, lowest level first."""
    for level in range(MAX_LEVEL + 1):
        full, rest = divmod(size >> 8 * level, WIDTH)
        yield from (TilePath(kind=level, index=number) for number in range(full))
        if rest:
            yield TilePath(kind=level, index=full, width=rest)


def encode_bundle(kind: Literal["entries", "public"], items: Iterable[bytes]) -> bytes:
    """A bundle of leaf headers or public bodies.

    Raises:
        TooLarge: `ledger.too_large`.
    """
    parts = []
    for item in items:
        if len(item) > _MAX_ITEM[kind]:
            raise TooLarge(
                "ledger.too_large", f"A leaf header has at most {MAX_HEADER} bytes, a public body {MAX_PUBLIC}."
            )
        parts += [len(item).to_bytes(_LENGTH_BYTES[kind], "big"), item]
    return b"".join(parts)


def decode_bundle(kind: Literal["entries", "public"], data: bytes) -> tuple[list[bytes], bool]:
    """The items that are whole, and whether the bundle ends after the last of them.

    Raises:
        Untrusted: `ledger.bundle`, an item that is too large or one too many.
    """
    items: list[bytes] = []
    prefix, limit, at = _LENGTH_BYTES[kind], _MAX_ITEM[kind], 0
    while at + prefix <= len(data):
        start = at + prefix
        length = int.from_bytes(data[at:start], "big")
        if length > limit or len(items) == WIDTH:
            raise Untrusted("ledger.bundle", "A bundle holds an item that is too large, or too many: it was altered.")
        if start + length > len(data):
            break
        items.append(data[start : start + length])
        at = start + length
    return items, at == len(data)


def read_file(read: Read, where: TilePath) -> tuple[bytes, bool] | None:
    """The file's bytes, and whether they are those of the full file that has since replaced a partial one."""
    data = read(str(where))
    if data is not None or where.width == WIDTH:
        return None if data is None else (data, where.width == WIDTH)
    data = read(str(TilePath(kind=where.kind, index=where.index)))
    return None if data is None else (data, True)


def read_tile(read: Read, where: TilePath) -> bytes:
    """The hashes of a tile, packed, exactly `where.width` of them. They are not verified.

    Raises:
        Untrusted: `ledger.missing`, or `ledger.tile` for a file of another length.
    """
    found = read_file(read, where)
    if found is None:
        raise Untrusted("ledger.missing", f"The log does not have {where}, which its checkpoint calls for.")
    data, full = found
    if len(data) != (WIDTH if full else where.width) * HASH:
        raise Untrusted("ledger.tile", f"The file {where} does not have the length of its hashes.")
    return data[: where.width * HASH]


def subtree_root(hashes: bytes) -> bytes:
    """Root over packed hashes whose number is a power of two."""
    while len(hashes) > HASH:
        hashes = parents(hashes)
    return hashes


class TileReader:
    """Proofs for a tree of `tree_size` leaves out of its tiles. Tiles are kept for as long as the reader."""

    def __init__(self, read: Read, tree_size: int) -> None:
        self._read = read
        self._size = tree_size
        self._tiles: dict[tuple[int, int], bytes] = {}

    def leaf_hash(self, index: int) -> bytes:
        """The hash at `index`, as the tile has it."""
        self._check(0 <= index < self._size)
        return self._node(0, index)

    def root(self) -> bytes:
        """The root that the tiles lead to; the caller compares it with the checkpoint's."""
        return self._edge[-1] or EMPTY_ROOT

    def earlier_root(self, first: int) -> bytes:
        """The root over the first leaves of this tree. Unverified; raises as `consistency_proof` does."""
        self._check(0 < first <= self._size)
        return path.edges(self._node, first)[-1]

    def inclusion_proof(self, index: int) -> list[bytes]:
        """The siblings of leaf `index`, lowest first. Unverified.

        Raises:
            NotFound: `ledger.beyond`.
            Untrusted: `ledger.missing`, `ledger.tile`.
        """
        self._check(0 <= index < self._size)
        return path.path(self._node, self._edge, 0, index, self._size)

    def consistency_proof(self, first: int) -> list[bytes]:
        """Proof that `first` leaves are the beginning of this tree. Unverified.

        Raises:
            NotFound: `ledger.beyond`.
            Untrusted: `ledger.missing`, `ledger.tile`.
        """
        self._check(0 < first <= self._size)
        return path.consistency(self._node, self._edge, first, self._size)

    def item(self, kind: Literal["entries", "public"], index: int) -> bytes | None:
        """The leaf header or the public body of an entry, as its bundle has it; None if it is not there. Unverified.

        Raises:
            NotFound: `ledger.beyond`.
            Untrusted: `ledger.bundle`.
        """
        self._check(0 <= index < self._size)
        number, offset = divmod(index, WIDTH)
        width = min(WIDTH, self._size - number * WIDTH)
        found = read_file(self._read, TilePath(kind=kind, index=number, width=width))
        items = decode_bundle(kind, found[0])[0] if found else []
        return items[offset] if offset < len(items) else None

    @functools.cached_property
    def _edge(self) -> list[bytes]:
        return path.edges(self._node, self._size)

    def _node(self, level: int, index: int) -> bytes:
        tile_level, height = divmod(level, 8)
        number, offset = divmod(index << height, WIDTH)
        hashes = self._tiles.get((tile_level, number))
        if hashes is None:
            width = min(WIDTH, (self._size >> 8 * tile_level) - number * WIDTH)
            hashes = read_tile(self._read, TilePath(kind=tile_level, index=number, width=width))
            self._tiles[tile_level, number] = hashes
        return subtree_root(hashes[offset * HASH : (offset + (1 << height)) * HASH])

    @staticmethod
    def _check(within: bool) -> None:
        if not within:
            raise NotFound("ledger.beyond", "The tree has no such leaf or size: ask for what its checkpoint covers.")
