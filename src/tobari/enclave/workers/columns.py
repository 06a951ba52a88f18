"""Making a column what its owner's terms say it is: text, integer, real, boolean or date.

Total by construction: no value makes a conversion fail. A cell that does not hold its type becomes NULL and is counted.
The count is looked at when data is contributed; a query never shows it. What may fail is the column as a whole, by its
type in a file that has types, and that is known at contribution too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "real": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}
"""Our types and how they lie in memory."""

# Digits are bounded so that the cast that follows cannot overflow.
_INTEGER = r"\A[+-]?[0-9]{1,19}\z"
_MOST_DIGITS, _MOST, _LEAST = 19, pa.scalar(str((1 << 63) - 1)), pa.scalar(str(1 << 63))
_REAL = r"\A[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,2})?\z"
_DATE = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z"
_TRUE = pa.array(["true", "t", "yes", "y", "1"])
_FALSE = pa.array(["false", "f", "no", "n", "0"])
_MONTHS = pa.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FIRST_DAY, _LAST_DAY = -719162, 2932896  # 0001-01-01 and 9999-12-31, in days since 1970


def accepts(found: pa.DataType, kind: str) -> bool:
    """Whether a file's column of that type may hold the declared one."""
    return _TYPED[kind][0](found.value_type if pa.types.is_dictionary(found) else found)


def from_text(cells: pa.Array, kind: str) -> tuple[pa.Array, int]:
    """A column of a file without types (CSV): the array and its bad cells."""
    return _READERS[kind](cells)


def from_typed(cells: pa.Array, kind: str) -> tuple[pa.Array, int]:
    """A column of a file with types (Parquet, Arrow), of one that is accepted: the array and its bad cells.

    Raises:
        pa.ArrowInvalid: the array contradicts itself.
    """
    cells.validate(full=True)  # offsets that point outside, text that is not UTF-8
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    _, good = _TYPED[kind]
    kept, bad = _keep(cells, good(cells))
    return kept.cast(TYPES[kind], safe=False), bad


def _keep(cells: pa.Array, good: pa.Array | None) -> tuple[pa.Array, int]:
    """Cells that are not good become NULL; None means that all are."""
    if good is None:
        return cells, 0
    kept = pc.if_else(good, cells, pa.scalar(None, cells.type))
    return kept, kept.null_count - cells.null_count


def _read_text(cells: pa.Array) -> tuple[pa.Array, int]:
    return cells, 0


def _read_integer(cells: pa.Array) -> tuple[pa.Array, int]:
    kept, bad = _matching(cells, _INTEGER)
    digits = pc.replace_substring_regex(kept, r"\A[+-]", "")
    # Of equally many digits, the order of texts is that of numbers.
    most = pc.if_else(pc.starts_with(kept, "-"), _LEAST, _MOST)
    fits = pc.or_(pc.less(pc.utf8_length(digits), _MOST_DIGITS), pc.less_equal(digits, most))
    kept, beyond = _keep(kept, fits)
    return pc.replace_substring_regex(kept, r"\A\+", "").cast(pa.int64()), bad + beyond


def _read_real(cells: pa.Array) -> tuple[pa.Array, int]:
    kept, bad = _matching(cells, _REAL)
    return kept.cast(pa.float64()), bad


def _read_boolean(cells: pa.Array) -> tuple[pa.Array, int]:
    words = pc.utf8_lower(pc.utf8_trim_whitespace(cells))
    yes, no = pc.is_in(words, _TRUE), pc.is_in(words, _FALSE)
    kept = pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))
    return kept, kept.null_count - cells.null_count


def _read_date(cells: pa.Array) -> tuple[pa.Array, int]:
    kept, _ = _matching(cells, _DATE)
    year, month, day = (
        pc.utf8_slice_codeunits(kept, start, stop).cast(pa.int64()) for start, stop in ((0, 4), (5, 7), (8, 10))
    )
    leap = pc.and_(_divides(4, year), pc.or_(pc.invert(_divides(100, year)), _divides(400, year)))
    in_year = pc.and_(pc.greater_equal(month, 1), pc.less_equal(month, 12))
    length = pc.take(_MONTHS, pc.if_else(in_year, pc.subtract(month, 1), 0))
    length = pc.add(length, pc.and_(leap, pc.equal(month, 2)).cast(pa.int64()))
    in_month = pc.and_(pc.greater_equal(day, 1), pc.less_equal(day, length))
    real = pc.and_(pc.greater_equal(year, 1), pc.and_(in_year, in_month))
    dates = pc.if_else(real, kept, pa.scalar(None, pa.string())).cast(pa.date32())
    return dates, dates.null_count - cells.null_count


def _matching(cells: pa.Array, pattern: str) -> tuple[pa.Array, int]:
    trimmed = pc.utf8_trim_whitespace(cells)
    return _keep(trimmed, pc.match_substring_regex(trimmed, pattern))


def _divides(divisor: int, numbers: pa.Array) -> pa.Array:
    return pc.equal(pc.multiply(pc.divide(numbers, divisor), divisor), numbers)


def _all_good(_: pa.Array) -> None:
    return None


def _in_64_bits(cells: pa.Array) -> pa.Array | None:
    return pc.less_equal(cells, pa.scalar((1 << 63) - 1, pa.uint64())) if pa.types.is_uint64(cells.type) else None


def _finite(cells: pa.Array) -> pa.Array | None:
    return pc.is_finite(cells) if pa.types.is_floating(cells.type) else None


def _in_calendar(cells: pa.Array) -> pa.Array:
    # date64 counts milliseconds: whole days are compared, so that no cast can overflow
    day = 86_400_000 if pa.types.is_date64(cells.type) else 1
    count = cells.view(pa.int64() if day > 1 else pa.int32())
    return pc.and_(pc.greater_equal(count, _FIRST_DAY * day), pc.less_equal(count, _LAST_DAY * day))


def _is_text(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def _is_number(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal))


_READERS: dict[str, Callable[[pa.Array], tuple[pa.Array, int]]] = {
    "text": _read_text,
    "integer": _read_integer,
    "real": _read_real,
    "boolean": _read_boolean,
    "date": _read_date,
}
_TYPED: dict[str, tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], Any]]] = {
    "text": (_is_text, _all_good),
    "integer": (pa.types.is_integer, _in_64_bits),
    "real": (_is_number, _finite),
    "boolean": (pa.types.is_boolean, _all_good),
    "date": (pa.types.is_date, _in_calendar),
}
