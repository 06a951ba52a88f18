"""Owners' files: three formats, one table; whatever else they hold is refused with a code."""

from __future__ import annotations

import contextlib
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.enclave.workers.sealing import COLUMNS, CSV
from tobari.enclave.runtime.job import Column
from tobari.enclave.workers.failures import JobFailed
from tobari.enclave.workers.tables import TableReader

TABLE = pa.table(
    {
        "extra": [1, 2],
        "seen": pa.array([0, 1], pa.date32()),
        "alive": [True, None],
        "dose": [1.5, None],
        "age": [41, 42],
        "id": ["a", "b"],
    }
)


def reader(columns: list[Column] = COLUMNS, *, max_rows: int = 1 << 20, max_bytes: int = 1 << 26) -> TableReader:
    return TableReader(columns, max_rows=max_rows, max_bytes=max_bytes)


def parquet(table: pa.Table = TABLE, **named: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **named)
    return sink.getvalue()


def arrow(table: pa.Table = TABLE, *, stream: bool = False, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def refused(data: bytes, file_format: str, **named: object) -> tuple[str, int | None]:
    with pytest.raises(JobFailed) as raised:
        reader(**named).add(data, file_format=file_format)
    return raised.value.code, raised.value.column


def test_csv() -> None:
    rows = reader()
    rows.add(CSV, file_format="csv")
    table = rows.table()
    assert table.column_names == [column.name for column in COLUMNS]
    assert table.column("age").to_pylist() == [41, None, None]
    assert rows.bad_cells == [0, 1, 1, 1, 1]


def test_csv_tells_empty_text_from_none_and_keeps_lines_in_cells() -> None:
    rows = reader([Column(name="id", type="text")])
    rows.add(b'\xef\xbb\xbfid,x\r\n"",1\r\n,2\r\n"a\nb",3\r\n', file_format="csv")
    assert rows.table().column("id").to_pylist() == ["", None, "a\nb"]


def test_csv_without_rows() -> None:
    rows = reader()
    rows.add(b"id,age,dose,alive,seen\n", file_format="csv")
    assert rows.table().num_rows == 0


@pytest.mark.parametrize(
    ("data", "file_format"),
    [
        (parquet(), "parquet"),
        (parquet(compression="zstd", row_group_size=1), "parquet"),
        (arrow(), "arrow"),
        (arrow(stream=True), "arrow"),
        (arrow(compression="zstd"), "arrow"),
    ],
)
def test_formats_with_types(data: bytes, file_format: str) -> None:
    rows = reader()
    rows.add(data, file_format=file_format)
    assert rows.table() == TABLE.select([column.name for column in COLUMNS])
    assert rows.bad_cells == [0] * 5


def test_files_of_several_owners_become_one_table() -> None:
    rows = reader()
    rows.add(CSV, file_format="csv")
    rows.add(parquet(), file_format="parquet")
    rows.add(arrow(), file_format="arrow")
    assert rows.table().num_rows == 7


@pytest.mark.parametrize("file_format", ["csv", "parquet", "arrow"])
def test_missing_column(file_format: str) -> None:
    data = {
        "csv": b"id,dose\n",
        "parquet": parquet(TABLE.drop_columns("age")),
        "arrow": arrow(TABLE.drop_columns("age")),
    }
    assert refused(data[file_format], file_format) == ("dataset.column", 1)


def test_column_that_stands_twice() -> None:
    assert refused(b"id,age,dose,alive,seen,age\n", "csv") == ("dataset.column", 1)
    assert refused(arrow(TABLE.append_column("dose", TABLE.column("dose"))), "arrow") == ("dataset.column", 2)


@pytest.mark.parametrize("write", [parquet, arrow])
def test_column_of_another_type(write: object) -> None:
    table = TABLE.set_column(1, "seen", pa.array(["2024-01-01", "2024-01-02"]))
    assert refused(write(table), write.__name__) == ("dataset.column", 4)
    assert refused(write(table.slice(0, 0)), write.__name__) == ("dataset.column", 4)


@pytest.mark.parametrize(
    ("data", "file_format"),
    [
        (b"", "csv"),
        (b"id,age,dose,alive,seen\n1,2\n", "csv"),
        (b"id,age,dose,alive,seen\n\xff,1,1,1,1\n", "csv"),
        (b"", "parquet"),
        (parquet()[:-9], "parquet"),
        (b"PAR1PAR1", "parquet"),
        (b"", "arrow"),
        (arrow()[:200], "arrow"),
        (arrow(stream=True)[:-60], "arrow"),
        (CSV, "json"),
        (parquet(), "csv"),
        (CSV, "parquet"),
    ],
)
def test_what_is_not_the_format(data: bytes, file_format: str) -> None:
    assert refused(data, file_format)[0] in ("dataset.format", "dataset.column")


def test_more_rows_than_allowed() -> None:
    assert refused(CSV, "csv", max_rows=2) == ("dataset.size", None)
    assert refused(parquet(), "parquet", max_rows=1) == ("dataset.size", None)
    assert refused(arrow(), "arrow", max_rows=1) == ("dataset.size", None)


def test_the_limits_are_of_all_files_together() -> None:
    rows = reader(max_rows=4)
    rows.add(CSV, file_format="csv")
    with pytest.raises(JobFailed, match=r"dataset\.size"):
        rows.add(CSV, file_format="csv")


def test_more_columns_than_allowed() -> None:
    assert refused(b",".join(b"c%d" % number for number in range(5000)) + b"\n", "csv") == ("dataset.size", None)


def test_decompression_bombs() -> None:
    text = [Column(name="id", type="text")]
    repeated = pa.table({"id": pa.DictionaryArray.from_arrays(pa.array([0] * 500_000, pa.int32()), ["x" * 100])})
    zeros = pa.table({"age": pa.array([0]).take(pa.array([0] * 2_000_000))})
    packed, squeezed = parquet(repeated), arrow(zeros, compression="zstd")
    assert max(len(packed), len(squeezed)) < 10_000
    assert refused(packed, "parquet", columns=text, max_bytes=4 << 20) == ("dataset.size", None)
    assert refused(squeezed, "arrow", columns=[Column(name="age", type="integer")], max_bytes=4 << 20) == (
        "dataset.size",
        None,
    )


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), file_format=st.sampled_from(["csv", "parquet", "arrow"]))
def test_any_bytes_are_read_or_refused(data: bytes, file_format: str) -> None:
    with pytest.raises(JobFailed):
        reader().add(data, file_format=file_format)


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), file_format=st.sampled_from(["csv", "arrow"]))
def test_any_bit_may_be_flipped(place: float, bit: int, file_format: str) -> None:
    data = bytearray({"csv": CSV, "arrow": arrow()}[file_format])
    data[int(place * len(data))] ^= 1 << bit
    rows = reader()
    with contextlib.suppress(JobFailed):
        rows.add(bytes(data), file_format=file_format)
    rows.table().validate(full=True)
