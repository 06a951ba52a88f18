"""Text of a CSV cell as a value of its column's type: the same answers that the enclave's workers give.

A cell that holds no value of its type becomes NULL in the enclave and is counted there. This reads the same on the
owner's machine with the base install alone; tests compare the two.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

from tobari.rules.query.terms import ColumnType

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_REAL = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})


def value_of(cell: str, kind: ColumnType) -> Any:
    """The value that a cell, which is not empty, holds; None if it holds none of that type."""
    return _READERS[kind](cell)


def _integer(cell: str) -> int | None:
    if not _INTEGER.fullmatch(cell := cell.strip()):
        return None
    value = int(cell)
    return value if _LEAST <= value <= _MOST else None


def _real(cell: str) -> float | None:
    return float(cell) if _REAL.fullmatch(cell := cell.strip()) else None


def _boolean(cell: str) -> bool | None:
    word = cell.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _date(cell: str) -> datetime.date | None:
    if not _DATE.fullmatch(cell := cell.strip()):
        return None
    try:
        return datetime.date.fromisoformat(cell)
    except ValueError:
        return None


_READERS: dict[ColumnType, Callable[[str], Any]] = {
    "text": lambda cell: cell,
    "integer": _integer,
    "real": _real,
    "boolean": _boolean,
    "date": _date,
}
