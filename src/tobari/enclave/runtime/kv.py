"""The key-value store: tables of bytes, and an overlay that one transaction writes into.

Keys and values are canonical CBOR, so that a write set can be logged, replayed and hashed without knowing the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Write(NamedTuple):
    """One change: `value` None deletes."""

    table: str
    key: bytes
    value: bytes | None


class Store:
    """All tables, by name. Holds what has been executed; what is committed is the log's business."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[bytes, bytes]] = {}

    def get(self, table: str, key: bytes) -> bytes | None:
        rows = self.tables.get(table)
        return None if rows is None else rows.get(key)

    def keys(self, table: str) -> Iterable[bytes]:
        return self.tables.get(table, {}).keys()

    def apply(self, writes: Iterable[tuple[str, bytes, bytes | None]]) -> None:
        for table, key, value in writes:
            rows = self.tables.setdefault(table, {})
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value


class Overlay:
    """What one transaction reads and writes: its own writes first, then the store. Dropping it is the rollback."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changes: dict[tuple[str, bytes], bytes | None] = {}

    def get(self, table: str, key: bytes) -> bytes | None:
        place = (table, key)
        return self._changes[place] if place in self._changes else self._store.get(table, key)

    def put(self, table: str, key: bytes, value: bytes | None) -> None:
        self._changes[table, key] = value

    def keys(self, table: str) -> Iterator[bytes]:
        """Every key of the table, in the order of its bytes: the same on every node."""
        changed = {key: value for (name, key), value in self._changes.items() if name == table}
        kept = (key for key in self._store.keys(table) if key not in changed)
        yield from sorted([*kept, *(key for key, value in changed.items() if value is not None)])

    def writes(self) -> list[Write]:
        """The write set: what differs from the store, in order of first change."""
        return [
            Write(table, key, value)
            for (table, key), value in self._changes.items()
            if self._store.get(table, key) != value
        ]
