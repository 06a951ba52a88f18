"""A public log's files, over HTTP or in a folder, and mirroring one into a folder (spec/ledger.md, "Files").

Nothing is verified here: `tobari.ledger.audit` does that with what these read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tobari.base.errors import TooLarge, Unavailable
from tobari.client.files import replace
from tobari.client.http import Driver
from tobari.client.relay import fetch
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.entry import MAX_HEADER, MAX_PUBLIC
from tobari.ledger.note import MAX_NOTE, NoteKey, decode_note
from tobari.ledger.path import HASH
from tobari.ledger.tiles import MAX_LEVEL, WIDTH, Kind, Read, TilePath, tile_paths

LEDGER = "/v1/ledger/"
Progress = Callable[[int, int], None]
"""(done, of how many)"""


def max_bytes(path: str) -> int:
    """Of the file of that name; names of no file of a log have no bytes.

    Raises:
        Malformed: `ledger.path`.
    """
    if path == "checkpoint":
        return MAX_NOTE
    where = TilePath.parse(path)
    each = {"entries": 2 + MAX_HEADER, "public": 4 + MAX_PUBLIC}
    return where.width * (HASH if isinstance(where.kind, int) else each[where.kind])


def read_folder(folder: Path) -> Read:
    """Read a mirrored log.

    Raises:
        Unavailable: `client.no_folder`, there is no such folder.
    """
    if not folder.is_dir():
        raise Unavailable("client.no_folder", "There is no such folder; give the folder or the address of a log.")

    def read(path: str) -> bytes | None:
        limit = max_bytes(path)
        try:
            with (folder / path).open("rb") as file:
                data = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        if len(data) > limit:
            raise TooLarge("client.file_too_large", f"The file {path} is larger than a log's file can be.")
        return data

    return read


@contextmanager
def read_url(url: str, *, transport: httpx2.BaseTransport | None = None) -> Iterator[Read]:
    """Read the log of a running service, by its address."""
    with Driver(url, transport=transport) as driver:
        yield lambda path: driver.run(fetch(LEDGER + path, max_bytes=max_bytes(path)))


def mirror(read: Read, folder: Path, *, key: NoteKey, progress: Progress | None = None) -> Checkpoint:
    """Copy a log into a folder. Full tiles that are there already are not read again; the checkpoint comes last.

    How much is copied is what the service signed, not what the source says. Audit the folder afterwards: the other
    files are copied as they come. The folder must exist.

    Raises:
        Unavailable: `client.no_log`.
        Malformed, TooLarge: the checkpoint is none.
        Untrusted: `note.*`, `checkpoint.origin`, it is not signed by `key`.
    """
    data = read("checkpoint")
    if data is None:
        raise Unavailable("client.no_log", "There is no checkpoint here: is this the address of a service's log?")
    checkpoint = open_checkpoint(decode_note(data), key)
    total = _count(checkpoint.tree_size)
    for done, where in enumerate(_files(checkpoint.tree_size), 1):
        if where.width < WIDTH or not (folder / str(where)).exists():
            _copy(read, where, folder)
        if progress is not None:
            progress(done, total)
    replace(folder / "checkpoint", data)
    return checkpoint


def _count(size: int) -> int:
    """How many files `_files` names: of each level, and two kinds of bundles."""
    return sum(-(-(size >> 8 * level) // WIDTH) for level in range(MAX_LEVEL + 1)) + 2 * -(-size // WIDTH)


def _files(size: int) -> Iterator[TilePath]:
    yield from tile_paths(size)
    full, rest = divmod(size, WIDTH)
    kinds: tuple[Kind, ...] = ("entries", "public")
    for kind in kinds:
        yield from (TilePath(kind=kind, index=number) for number in range(full))
        if rest:
            yield TilePath(kind=kind, index=full, width=rest)


def _copy(read: Read, where: TilePath, folder: Path) -> None:
    data = read(str(where))
    if data is None and where.width < WIDTH:  # it may have become a full one since
        where = TilePath(kind=where.kind, index=where.index)
        data = read(str(where))
    if data is not None:
        target = folder / str(where)
        target.parent.mkdir(parents=True, exist_ok=True)
        replace(target, data)
    elif where.kind != "public":  # those may be pruned
        raise Unavailable("client.no_log", f"The log lacks {where}, which its checkpoint calls for.")


def is_address(text: str) -> bool:
    """Whether this names a service rather than a folder."""
    return text.startswith(("http://", "https://"))
