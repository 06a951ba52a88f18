"""Once, a kernel noun: a value that is used one time. Here: the ids of commands, until they could not come again.

A value is kept for a while after it is void, so that its sender can still be told what became of it. `horizon` says how
far back the memory reaches: what expires before it may have been used and forgotten.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

GRACE = 600_000
"""Milliseconds a used value is remembered after its expiry."""


class Used(NamedTuple):
    expires: int
    """Log time (ms) after which the value is void anyway."""
    entry: int
    """The log entry that used it."""
    committed: bool
    """False if the command was refused: its id is spent all the same."""


class Once:
    """Values (bytes) that were used."""

    def __init__(self) -> None:
        self._used: dict[bytes, Used] = {}
        self._by_expiry: list[tuple[int, bytes]] = []
        self.horizon = 0
        """A value that expires at this log time or later is here if it was ever used."""

    def __len__(self) -> int:
        return len(self._used)

    def find(self, value: bytes) -> Used | None:
        return self._used.get(value)

    def use(self, value: bytes, used: Used) -> None:
        self._used[value] = used
        heapq.heappush(self._by_expiry, (used.expires, value))

    def forget(self, *, now: int) -> None:
        """Drop what expired more than GRACE before this log time."""
        while self._by_expiry and self._by_expiry[0][0] < now - GRACE:
            expires, value = heapq.heappop(self._by_expiry)
            self.horizon = max(self.horizon, expires + 1)
            self._used.pop(value, None)

    def dump(self) -> list[list[object]]:
        return [[value, *used] for value, used in self._used.items()]

    def load(self, rows: list[tuple[bytes, int, int, bool]], *, horizon: int) -> None:
        self.horizon = horizon
        for value, expires, entry, committed in rows:
            self.use(value, Used(expires, entry, committed))
