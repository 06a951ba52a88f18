"""The one thread that writes the log store, so that the event loop never waits for a disk.

Writes happen in the order in which they are asked for, which is what lets the enclave pipeline its batches.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tobari.base.messages.link import Entry
from tobari.host.published import Published
from tobari.host.store import Kept, LogStore

T = TypeVar("T")
Appended = Callable[[int, float], None]
"""Told of a batch: its entries, and the seconds that writing took."""


class Journal:
    """An open log store behind its thread. Errors are LogStore's."""

    def __init__(self, thread: ThreadPoolExecutor, store: LogStore, appended: Appended) -> None:
        self._thread = thread
        self._store = store
        self._appended = appended

    @classmethod
    async def open(cls, path: Path, *, appended: Appended = lambda _, __: None) -> Journal:
        """Open the log store at `path`; `appended` is told of each batch that is on the disk."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="log-writer")
        try:
            return cls(thread, await asyncio.get_running_loop().run_in_executor(thread, LogStore, path), appended)
        except BaseException:
            thread.shutdown()
            raise

    async def kept(self) -> Kept:
        return await self._run(self._store.kept)

    async def append(self, first: int, entries: Sequence[Entry]) -> None:
        def write() -> float:
            begun = time.perf_counter()
            self._store.append(first, entries)
            return time.perf_counter() - begun

        self._appended(len(entries), await self._run(write))

    async def put_sealed(self, sealed: bytes) -> None:
        await self._run(lambda: self._store.put_sealed(sealed))

    async def put_snapshot(self, tree_size: int, snapshot: bytes) -> None:
        await self._run(lambda: self._store.put_snapshot(tree_size, snapshot))

    async def put_checkpoint(self, published: Published) -> None:
        await self._run(lambda: self._store.put_checkpoint(published.tree_size, published.note))

    async def close(self) -> None:
        await self._run(self._store.close)
        self._thread.shutdown()

    async def _run(self, write: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, write)
