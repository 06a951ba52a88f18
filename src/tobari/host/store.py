"""The log store: every durable write of the log, in one SQLite file (docs/reference/http-api.md, "Durability").

Each method is one transaction and returns only when it is on the disk (WAL, synchronous=FULL). A write that fails
raises `Broken` and closes the store for good: what the disk holds is then known only after opening it again, which
is the same path as any start. All methods belong to the thread that opened the store; `reader.py` reads beside it.

The host keeps bytes here and understands none of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tobari.base.errors import Broken, Malformed
from tobari.base.messages.link import Entry
from tobari.host.datadir import sync_directory
from tobari.ledger.entry import MAX_HEADER, MAX_PUBLIC

APPLICATION_ID = 0x544F4241
"""`TOBA`, in the file's header: see PRAGMA application_id."""
VERSION = 1

_SCHEMA = f"""
CREATE TABLE entries (seq INTEGER PRIMARY KEY, header BLOB NOT NULL, public BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;
CREATE TABLE sealed (id INTEGER PRIMARY KEY CHECK (id = 0), sealed BLOB NOT NULL) STRICT;
CREATE TABLE snapshots (tree_size INTEGER PRIMARY KEY, snapshot BLOB NOT NULL) STRICT;
CREATE TABLE checkpoints (tree_size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""


class Kept(NamedTuple):
    """What a start hands to the enclave, besides the entries."""

    log_size: int
    sealed: bytes | None
    snapshot: bytes | None
    checkpoint: str | None


class LogStore:
    """The writing side.

    Raises (on opening):
        Malformed: `store.foreign`, the file is not a log of this version.
        Broken: `store.damaged`, SQLite finds it damaged or entries are missing in it.
    """

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        self._db = sqlite3.connect(path, isolation_level=None)
        self._failed = False
        try:
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")
            if new or self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,):
                self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
                sync_directory(path.parent)
            self.size = self._check()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise Broken("store.damaged", "The log file is damaged; restore it from a copy.") from error
        except Exception:
            self._db.close()
            raise

    def _check(self) -> int:
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if (application, version) != (APPLICATION_ID, VERSION):
            raise Malformed("store.foreign", "This file is no log of this version; name another data directory.")
        (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        count, first, last = self._db.execute("SELECT count(*), min(seq), max(seq) FROM entries").fetchone()
        if verdict != "ok" or (count and (first, last) != (0, count - 1)):
            raise Broken("store.damaged", "The log file is damaged; restore it from a copy.")
        return int(count)

    def kept(self) -> Kept:
        return Kept(
            self.size,
            self._newest("SELECT sealed FROM sealed"),
            self._newest("SELECT snapshot FROM snapshots ORDER BY tree_size DESC"),
            self._newest("SELECT note FROM checkpoints ORDER BY tree_size DESC"),
        )

    def append(self, first: int, entries: Sequence[Entry]) -> None:
        """Add entries at the end, all or none.

        Raises:
            Broken: `store.gap`, they do not follow the last one; `store.entry`, one is too large for the
                tile format; `store.write`, the disk refused.
        """
        if first != self.size:
            self._failed = True
            raise Broken("store.gap", "The enclave's entries do not follow the log's last one; start the host again.")
        if any(len(entry.header) > MAX_HEADER or len(entry.public) > MAX_PUBLIC for entry in entries):
            self._failed = True
            raise Broken("store.entry", "The enclave gave an entry that is too large for the log's public files.")
        rows = [(seq, e.header, e.public, e.sealed) for seq, e in enumerate(entries, first)]
        self._write([("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)])
        self.size += len(rows)

    def put_sealed(self, sealed: bytes) -> None:
        """Replace the enclave's sealed state."""
        self._write([("INSERT OR REPLACE INTO sealed VALUES (0, ?)", [(sealed,)])])

    def put_snapshot(self, tree_size: int, snapshot: bytes) -> None:
        """Keep this snapshot, and none but it."""
        self._write(
            [
                ("DELETE FROM snapshots", [()]),
                ("INSERT INTO snapshots VALUES (?, ?)", [(tree_size, snapshot)]),
            ]
        )

    def put_checkpoint(self, tree_size: int, note: str) -> None:
        """Keep this checkpoint, and none but it."""
        self._write(
            [
                ("DELETE FROM checkpoints", [()]),
                ("INSERT INTO checkpoints VALUES (?, ?)", [(tree_size, note)]),
            ]
        )

    def close(self) -> None:
        self._db.close()

    def _newest(self, query: str) -> Any:
        row = self._db.execute(query + " LIMIT 1").fetchone()
        return row[0] if row else None

    def _write(self, statements: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        if self._failed:
            raise Broken("store.failed", "An earlier write of the log failed; start the host again.")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                self._db.executemany(statement, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            # After a failed fsync a second one may report success for pages that were lost: never try again here.
            self._failed = True
            raise Broken("store.write", "The log could not be written; look at the disk, then start again.") from error
