"""Once, a kernel noun: a value that is used one time. Here: the ids of commands, until they could not come again."""

from __future__ import annotations

import heapq
from typing import NamedTuple


class Used(NamedTuple):
    expires: int
    """Log time (ms) after which the value is void anyway and forgotten."""
    entry: int
    """The log entry that used it."""
    committed: bool
    """False if the command was refused: its id is spent all the same."""


class Once:
    """Values (bytes) that were used, each until its expiry."""

    def __init__(self) -> None:
        self._used: dict[bytes, Used] = {}
        self._by_expiry: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._used)

    def find(self, value: bytes) -> Used | None:
        return self._used.get(value)

    def use(self, value: bytes, used: Used) -> None:
        self._used[value] = used
        heapq.heappush(self._by_expiry, (used.expires, value))

    def forget(self, *, before: int) -> None:
        """Drop what expired before this log time."""
        while self._by_expiry and self._by_expiry[0][0] < before:
            _, value = heapq.heappop(self._by_expiry)
            self._used.pop(value, None)

    def dump(self) -> list[list[object]]:
        return [[value, *used] for value, used in self._used.items()]

    def load(self, rows: list[tuple[bytes, int, int, bool]]) -> None:
        for value, expires, entry, committed in rows:
            self.use(value, Used(expires, entry, committed))
