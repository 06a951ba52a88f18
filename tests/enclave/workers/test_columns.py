"""Conversions are total: a cell holds its type or becomes NULL and is counted."""

from __future__ import annotations

import datetime
import math

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.enclave.workers.columns import TYPES, accepts, from_text, from_typed

EPOCH = datetime.date(1970, 1, 1)
BIG = (1 << 63) - 1


@pytest.mark.parametrize(
    ("kind", "cells", "values", "bad"),
    [
        ("text", ["x", "", None], ["x", "", None], 0),
        ("integer", ["1", " -2 ", "+3", "007", None], [1, -2, 3, 7, None], 0),
        ("integer", [str(BIG), f"+{BIG}", str(-BIG - 1), "0" * 18 + "7", None], [BIG, BIG, -BIG - 1, 7, None], 0),
        ("integer", [str(BIG + 1), str(-BIG - 2), "0" * 20, "-" + "9" * 19], [None] * 4, 4),
        ("integer", ["1.0", "1e3", "٣", "", "1\n2", "9" * 19, "--1"], [None] * 7, 7),
        ("real", ["1", "1.5", ".5", "1.", "-1e-9", "+2"], [1.0, 1.5, 0.5, 1.0, -1e-9, 2.0], 0),
        ("real", ["nan", "inf", "1e999", "0x10", "1,5", "."], [None] * 6, 6),
        ("boolean", ["true", "F", "Yes", "0", None], [True, False, True, False, None], 0),
        ("boolean", ["maybe", "2"], [None] * 2, 2),
        ("date", ["2024-02-29", "0001-01-01", None], [datetime.date(2024, 2, 29), datetime.date.min, None], 0),
        ("date", ["2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-01-00", "0000-01-01"], [None] * 6, 6),
        ("date", ["2024-1-1", "29.2.2024", "2024-02-29T00:00"], [None] * 3, 3),
    ],
)
def test_text_cells(kind: str, cells: list[str | None], values: list[object], bad: int) -> None:
    array, found = from_text(pa.array(cells, pa.string()), kind)
    assert (array.type, array.to_pylist(), found) == (TYPES[kind], values, bad)


@pytest.mark.parametrize(
    ("kind", "cells", "values", "bad"),
    [
        ("text", pa.array(["x", None], pa.large_string()), ["x", None], 0),
        ("text", pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"], 0),
        ("integer", pa.array([-1, None], pa.int8()), [-1, None], 0),
        ("integer", pa.array([BIG, BIG + 1], pa.uint64()), [BIG, None], 1),
        ("real", pa.array([1.5, math.nan, math.inf, None]), [1.5, None, None, None], 2),
        ("real", pa.array([1, 2]), [1.0, 2.0], 0),
        ("real", pa.array([None, "1.25"]).cast(pa.decimal128(5, 2)), [None, 1.25], 0),
        ("date", pa.array([0, 1 << 30, -(1 << 30)], pa.int32()).view(pa.date32()), [EPOCH, None, None], 2),
        ("date", pa.array([0, 86_400_000 << 30], pa.int64()).view(pa.date64()), [EPOCH, None], 1),
    ],
)  # fmt: skip
def test_typed_cells(kind: str, cells: pa.Array, values: list[object], bad: int) -> None:
    assert accepts(cells.type, kind)
    array, found = from_typed(cells, kind)
    assert (array.type, array.to_pylist(), found) == (TYPES[kind], values, bad)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("integer", pa.float64()),
        ("integer", pa.string()),
        ("text", pa.binary()),
        ("date", pa.timestamp("s")),
        ("boolean", pa.int8()),
        ("real", pa.bool_()),
        ("text", pa.list_(pa.string())),
        ("text", pa.struct([("x", pa.string())])),
    ],
)
def test_types_that_do_not_meet(kind: str, found: pa.DataType) -> None:
    assert not accepts(found, kind)


def test_text_that_is_not_utf8_is_found_at_contribution() -> None:
    cells = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    with pytest.raises(pa.ArrowInvalid):
        from_typed(cells, "text")


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(st.none() | st.text(max_size=12) | st.from_regex(r"[-+0-9.eE:]{0,24}")),
    kind=st.sampled_from(sorted(TYPES)),
)
def test_no_text_makes_a_conversion_fail(cells: list[str | None], kind: str) -> None:
    array, bad = from_text(pa.array(cells, pa.string()), kind)
    assert len(array) == len(cells)
    assert array.null_count == cells.count(None) + bad


@settings(max_examples=60, deadline=None)
@given(st.dates())
def test_every_date_of_the_calendar_is_read(date: datetime.date) -> None:
    assert from_text(pa.array([date.isoformat()]), "date")[0].to_pylist() == [date]
