"""Tearing the end of SQLite's files, as a disk does that loses power while it writes (sqlite.org/fileformat2.html)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

HEADER = 32
"""Of a WAL file, before its first frame."""
_FRAME_HEADER = 24


def last_transaction(wal: Path) -> tuple[int, int]:
    """Where the last committed transaction in a WAL file begins and ends, in bytes.

    Frames of an earlier round through the file carry another salt and do not count.
    """
    data = wal.read_bytes()
    page = int.from_bytes(data[8:12], "big")
    salts, step = data[16:24], _FRAME_HEADER + page
    ends = [HEADER]
    for at in range(HEADER, len(data) - step + 1, step):
        if data[at + 8 : at + 16] != salts:
            break
        if data[at + 4 : at + 8] != bytes(4):  # a commit frame names the size of the database
            ends.append(at + step)
    if len(ends) < 2:
        raise ValueError("the WAL holds no transaction")
    return ends[-2], ends[-1]


def cut(wal: Path, at: int) -> None:
    """The file ends there; what is left of a frame is no frame."""
    with wal.open("r+b") as file:
        file.truncate(at)


def garble(path: Path, at: int, count: int = 64) -> None:
    """Other bytes stand there."""
    with path.open("r+b") as file:
        file.seek(at)
        there = file.read(count)
        file.seek(at)
        file.write(bytes(byte ^ 0xA5 for byte in there))


def fold_in(database: Path) -> None:
    """Move all of the WAL into the database file, as SQLite does from time to time."""
    db = sqlite3.connect(database)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def place_of(database: Path, value: bytes) -> int:
    """Where a stored value lies in the file."""
    at = database.read_bytes().find(value[:200])
    if at < 0:
        raise ValueError("the value does not lie in one piece in the file")
    return at
