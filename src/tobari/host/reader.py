"""Reading the log store beside the writer: a second, read-only connection with a thread of its own.

WAL lets it read what is committed while the next batch is being written, so a stranger who mirrors the log does not
delay anybody's command. What may be shown to strangers is not decided here, but in ledger_routes.py.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tobari.base.errors import Broken
from tobari.base.messages.link import Entry

REPLAY_ENTRIES = 512
"""Entries of one Replay frame."""
REPLAY_BYTES = 4 << 20
"""Bytes of one Replay frame, unless a single entry has more."""


class LogReader:
    """Committed entries of the log store at `path`, which must have been opened for writing before."""

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log-reader")
        # One thread at a time uses it: the pool has one. Autocommit: every read sees what is committed by then.
        self._db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )

    async def headers(self, first: int, count: int) -> list[bytes]:
        """Leaf headers `first` to `first + count - 1`."""
        return await self._column("SELECT seq, header FROM entries WHERE seq >= ? ORDER BY seq LIMIT ?", first, count)

    async def publics(self, first: int, count: int) -> list[bytes]:
        """Public bodies `first` to `first + count - 1`."""
        return await self._column("SELECT seq, public FROM entries WHERE seq >= ? ORDER BY seq LIMIT ?", first, count)

    async def replay(self, first: int, size: int) -> list[Entry]:
        """The next entries from `first`, below `size`: at least one, and no more than fit one Replay frame."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._replay, first, size)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._db.close)
        self._thread.shutdown()

    def _replay(self, first: int, size: int) -> list[Entry]:
        rows = self._db.execute(
            "SELECT seq, header, public, sealed FROM entries WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
            (first, size, REPLAY_ENTRIES),
        )
        entries: list[Entry] = []
        total = 0
        for seq, header, public, sealed in rows:
            total += len(header) + len(public) + len(sealed)
            if entries and total > REPLAY_BYTES:
                break
            _expect(seq, first + len(entries))
            entries.append(Entry(header=header, public=public, sealed=sealed))
        rows.close()
        if not entries:
            raise Broken("store.damaged", "The log file is damaged; restore it from a copy.")
        return entries

    async def _column(self, query: str, first: int, count: int) -> list[bytes]:
        def read() -> list[bytes]:
            rows = self._db.execute(query, (first, count)).fetchall()
            _expect(len(rows), count)
            for index, (seq, _) in enumerate(rows, first):
                _expect(seq, index)
            return [value for _, value in rows]

        return await asyncio.get_running_loop().run_in_executor(self._thread, read)


def _expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise Broken("store.damaged", "The log file is damaged; restore it from a copy.")
