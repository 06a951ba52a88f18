"""Verifying a whole log (spec/ledger.md): its checkpoint, every tile, every leaf header, every public body still kept.

Sans-I/O: files come from a callable, so a mirrored folder, a running host and a dictionary are verified by one code.
The tree is verified from the top, so each entry is held against a hash that the checkpoint is known to cover, and a
source that answers differently the second time gains nothing. Memory: 32 bytes for each 256 entries, and one bundle.

Sealed bodies are not part of the public log. That no other log was shown to somebody else is not proved here: give an
earlier checkpoint to see that the log has only grown since.
"""

from __future__ import annotations

from collections.abc import Iterator
from hmac import compare_digest
from typing import Literal

from tobari.base.errors import Malformed, TooLarge, Untrusted
from tobari.base.wire import Message
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.entry import LeafHeader, public_digest
from tobari.ledger.frontier import Frontier
from tobari.ledger.note import NoteKey, decode_note
from tobari.ledger.path import HASH, leaf_hash
from tobari.ledger.tiles import WIDTH, Read, TilePath, decode_bundle, read_file, read_tile, subtree_root


class AuditReport(Message, frozen=True, kw_only=True):
    """What was verified. Times are log times in milliseconds; None in an empty log."""

    origin: str
    tree_size: int
    root_hash: bytes
    entries: int
    """Leaf headers that were read and hold: all of them."""
    first_time: int | None
    last_time: int | None
    public_present: int
    """Public bodies that are there and match their digests."""
    public_pruned: int
    """Public bodies that are no longer served; nothing is said of these."""


def audit(read: Read, *, key: NoteKey, earlier: Checkpoint | None = None) -> AuditReport:
    """Verify the log behind `read` against its key, and against a checkpoint seen earlier.

    1. The checkpoint is signed by `key`, and its origin is the key's name.
    2. The hash tiles above the leaves lead to the checkpoint's root, and every tile above repeats the one below it.
    3. The tree of the earlier checkpoint is the beginning of this one.
    For each bundle of 256 entries:
    4. Its tile of leaf hashes is the one that step 2 covers.
    5. It holds the tile's entries: all of them, unaltered, in their order.
    6. Each leaf header is well-formed, its `seq` is its index, and log time and term do not run backwards.
    7. Each public body that is still there matches the digest in its header.

    Raises:
        Untrusted: `ledger.checkpoint` (unreadable), `note.signature`, `note.unknown_key`, `checkpoint.origin` (1);
            `ledger.missing`, `ledger.tile`, `ledger.root` (2); `ledger.rollback`, `ledger.fork` (3); `ledger.bundle`,
            `ledger.truncated`, `ledger.dropped`, `ledger.reordered`, `ledger.altered` (5); `ledger.header`,
            `ledger.seq`, `ledger.time`, `ledger.term` (6); `ledger.public_body` (7).
    """
    # 1
    checkpoint = _checkpoint(read, key)
    size = checkpoint.tree_size
    # 2
    spine, edge = _spine(read, size)
    if not compare_digest(_root(spine, edge), checkpoint.root_hash):
        raise Untrusted("ledger.root", "The log's hashes do not lead to the root that its checkpoint signs.")
    _check_upper_tiles(read, spine)
    # 3
    if earlier is not None:
        _check_growth(read, spine, edge, checkpoint=checkpoint, earlier=earlier)

    first: LeafHeader | None = None
    last: LeafHeader | None = None
    present = 0
    for number, width in _bundles(size):
        # 4
        tile = _leaf_tile(read, spine, number) if width == WIDTH else edge
        # 5
        leaves = _entries(read, tile, number=number, width=width)
        # 6
        headers = []
        for offset, leaf in enumerate(leaves):
            last = _header(leaf, seq=number * WIDTH + offset, previous=last)
            first = first or last
            headers.append(last)
        # 7
        present += _check_public(read, headers, number=number)

    return AuditReport(
        origin=checkpoint.origin,
        tree_size=size,
        root_hash=checkpoint.root_hash,
        entries=size,
        first_time=first.time if first else None,
        last_time=last.time if last else None,
        public_present=present,
        public_pruned=size - present,
    )


def _bundles(size: int) -> Iterator[tuple[int, int]]:
    """Number and width of each bundle of a log of `size` entries."""
    full, rest = divmod(size, WIDTH)
    yield from ((number, WIDTH) for number in range(full))
    if rest:
        yield full, rest


def _checkpoint(read: Read, key: NoteKey) -> Checkpoint:
    data = read("checkpoint")
    if data is None:
        raise Untrusted("ledger.missing", "There is no checkpoint here: is this the folder or address of a log?")
    try:
        return open_checkpoint(decode_note(data), key)
    except (Malformed, TooLarge) as error:
        raise Untrusted("ledger.checkpoint", f"The checkpoint cannot be read. {error.message}") from None


def _spine(read: Read, size: int) -> tuple[bytearray, bytes]:
    """The hashes at level 8, one for each full bundle, and the leaf hashes of the last, partial one."""
    full, rest = divmod(size, WIDTH)
    spine = bytearray()
    for number, width in _bundles(full):
        spine += read_tile(read, TilePath(kind=1, index=number, width=width))
    edge = read_tile(read, TilePath(kind=0, index=full, width=rest)) if rest else b""
    return spine, edge


def _root(spine: bytes | bytearray, edge: bytes) -> bytes:
    """Root of the tree over subtrees of 256 leaves, then single leaves."""
    above, below = Frontier(), Frontier()
    above.extend(_hashes(spine))
    below.extend(_hashes(edge))
    size = above.size * WIDTH + below.size
    return Frontier.restore(size, [*above.hashes, *below.hashes]).root()


def _check_upper_tiles(read: Read, spine: bytearray) -> None:
    """Tiles of level 2 and above say nothing new, but clients build their proofs from them."""
    below, level = bytes(spine), 2
    while len(below) >= WIDTH * HASH:
        hashes = b"".join(subtree_root(tile) for tile in _cut(below, WIDTH * HASH) if len(tile) == WIDTH * HASH)
        for number, expected in enumerate(_cut(hashes, WIDTH * HASH)):
            where = TilePath(kind=level, index=number, width=len(expected) // HASH)
            if not compare_digest(read_tile(read, where), expected):
                raise _wrong_tile(where)
        below, level = hashes, level + 1


def _check_growth(read: Read, spine: bytearray, edge: bytes, *, checkpoint: Checkpoint, earlier: Checkpoint) -> None:
    if earlier.origin != checkpoint.origin:
        raise Untrusted("checkpoint.origin", "The earlier checkpoint is of another log.")
    if earlier.tree_size > checkpoint.tree_size:
        raise Untrusted(
            "ledger.rollback",
            f"The log once had {earlier.tree_size} entries and now shows {checkpoint.tree_size}: it was rolled back. "
            "Keep the earlier checkpoint, it is the proof.",
        )
    full, rest = divmod(earlier.tree_size, WIDTH)
    if rest and full < len(spine) // HASH:
        edge = _leaf_tile(read, spine, full)
    if not compare_digest(_root(spine[: full * HASH], edge[: rest * HASH]), earlier.root_hash):
        raise Untrusted(
            "ledger.fork",
            f"The first {earlier.tree_size} entries are not those of the earlier checkpoint: the log was forked. "
            "Keep both checkpoints, together they are the proof.",
        )


def _leaf_tile(read: Read, spine: bytearray, number: int) -> bytes:
    """A full tile of leaf hashes, verified."""
    where = TilePath(kind=0, index=number)
    tile = read_tile(read, where)
    if not compare_digest(subtree_root(tile), spine[number * HASH : (number + 1) * HASH]):
        raise _wrong_tile(where)
    return tile


def _entries(read: Read, tile: bytes, *, number: int, width: int) -> list[bytes]:
    leaves = _bundle(read, "entries", number=number, width=width)
    if leaves is None:
        raise Untrusted("ledger.missing", f"The entries from {number * WIDTH} on are not here, and the tree has them.")
    found = [leaf_hash(leaf) for leaf in leaves]
    if b"".join(found) != tile:
        raise _difference(found, list(_hashes(tile)), first=number * WIDTH)
    return leaves


def _difference(found: list[bytes], expected: list[bytes], *, first: int) -> Untrusted:
    """Say what was done to a bundle, judging by the hashes that the tree has for it."""
    at = next((i for i, (f, e) in enumerate(zip(found, expected, strict=False)) if f != e), len(found))
    if at == len(found):
        return Untrusted("ledger.truncated", f"The bundle ends before entry {first + at}, and the tree goes on.")
    if expected[at] in found:
        return Untrusted(
            "ledger.reordered", f"Entry {first + at} stands elsewhere in its bundle: entries were reordered."
        )
    if found[at] in expected:
        return Untrusted("ledger.dropped", f"Entry {first + at} is not in its bundle and later ones moved up: dropped.")
    return Untrusted("ledger.altered", f"Entry {first + at} is not the one in the tree: it was altered.")


def _header(leaf: bytes, *, seq: int, previous: LeafHeader | None) -> LeafHeader:
    try:
        header = LeafHeader.from_bytes(leaf)
    except (Malformed, TooLarge) as error:
        raise Untrusted("ledger.header", f"Entry {seq} is in the tree and is no leaf header. {error.message}") from None
    if header.seq != seq:
        raise Untrusted(
            "ledger.seq", f"Entry {seq} says of itself that it is another one: the log's writer is at fault."
        )
    if previous and header.time < previous.time:
        raise Untrusted("ledger.time", f"Log time runs backwards at entry {seq}: the log's writer is at fault.")
    if previous and header.term < previous.term:
        raise Untrusted("ledger.term", f"The term runs backwards at entry {seq}: the log's writer is at fault.")
    return header


def _check_public(read: Read, headers: list[LeafHeader], *, number: int) -> int:
    """Number of public bodies of the bundle that are there: all, or none once it is pruned."""
    bodies = _bundle(read, "public", number=number, width=len(headers))
    if bodies is None:
        return 0
    if len(bodies) != len(headers):
        raise Untrusted("ledger.truncated", f"The public bodies from {number * WIDTH} on are not complete.")
    for header, body in zip(headers, bodies, strict=True):
        if not compare_digest(public_digest(body), header.public):
            raise Untrusted(
                "ledger.public_body", f"The public body of entry {header.seq} is not the one it was logged with."
            )
    return len(bodies)


def _bundle(read: Read, kind: Literal["entries", "public"], *, number: int, width: int) -> list[bytes] | None:
    """The first `width` items of a bundle, or fewer if it was cut; None if it is not there."""
    found = read_file(read, TilePath(kind=kind, index=number, width=width))
    if found is None:
        return None
    data, full = found
    items, whole = decode_bundle(kind, data)
    if len(items) >= width and (not whole or (len(items) > width and not full)):
        raise Untrusted("ledger.bundle", f"The bundle from entry {number * WIDTH} on does not end after its last item.")
    return items[:width]


def _hashes(packed: bytes | bytearray) -> Iterator[bytes]:
    return _cut(bytes(packed), HASH)


def _cut(data: bytes, step: int) -> Iterator[bytes]:
    return (data[k : k + step] for k in range(0, len(data), step))


def _wrong_tile(where: TilePath) -> Untrusted:
    return Untrusted("ledger.tile", f"The hashes in {where} are not those of the tree: it was altered.")
