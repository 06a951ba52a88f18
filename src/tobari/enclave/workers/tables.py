"""Owners' files to Arrow tables: CSV, Parquet and Arrow IPC, read batch by batch under limits.

Only the columns that the work names are decoded; others are dropped unseen. The input is hostile: a file may claim
anything, and small files may decode to huge ones, so that what counts is measured as it comes out.

A CSV file is UTF-8 with a header and commas; an empty cell is NULL, a quoted empty cell is empty text.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tobari.enclave.runtime.job import Column
from tobari.enclave.workers.columns import TYPES, accepts, from_text, from_typed
from tobari.enclave.workers.failures import JobFailed

MAX_COLUMNS = 4096
_BATCH = 65_536


class TableReader:
    """Collects the objects of one job into one table. `bad_cells` counts for each column."""

    def __init__(self, columns: Sequence[Column], *, max_rows: int, max_bytes: int) -> None:
        if any(column.type not in TYPES for column in columns):
            raise ValueError("a column's type is text, integer, real, boolean or date")
        self._columns = columns
        self._schema = pa.schema([(column.name, TYPES[column.type]) for column in columns])
        self._batches: list[pa.RecordBatch] = []
        self._rows_left = max_rows
        self._bytes_left = max_bytes
        self.bad_cells = [0] * len(columns)

    def add(self, data: bytes, *, file_format: str) -> None:
        """Append the rows of one file.

        Raises:
            JobFailed: `dataset.format`, `dataset.column` with its position, `dataset.size`.
            MemoryError: beyond the worker's ceiling.
        """
        convert = from_text if file_format == "csv" else from_typed
        try:
            for batch in self._read(data, file_format):
                self._take(batch, convert)
        except (JobFailed, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - a hostile file reaches three decoders here; whatever they raise, it is at fault
            raise JobFailed("dataset.format") from None

    def table(self) -> pa.Table:
        return pa.Table.from_batches(self._batches, self._schema)

    def _read(self, data: bytes, file_format: str) -> Iterator[pa.RecordBatch]:
        match file_format:
            case "csv":
                return self._read_csv(data)
            case "parquet":
                return self._read_parquet(data)
            case "arrow":
                return self._read_arrow(data)
        raise JobFailed("dataset.format")

    def _take(self, batch: pa.RecordBatch, convert: Callable[[pa.Array, str], tuple[pa.Array, int]]) -> None:
        self._rows_left -= batch.num_rows
        if self._rows_left < 0:
            raise JobFailed("dataset.size")
        arrays = []
        for index, column in enumerate(self._columns):
            array, bad = convert(batch.column(column.name), column.type)
            self.bad_cells[index] += bad
            self._bytes_left -= array.nbytes
            arrays.append(array)
        if self._bytes_left < 0:
            raise JobFailed("dataset.size")
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def _wanted(self, names: Sequence[str]) -> list[str]:
        """The names to decode, once each of them stands in the file exactly once."""
        if len(names) > MAX_COLUMNS:
            raise JobFailed("dataset.size")
        for index, column in enumerate(self._columns):
            if list(names).count(column.name) != 1:
                raise JobFailed("dataset.column", column=index)
        return [column.name for column in self._columns]

    def _check_types(self, schema: pa.Schema) -> None:
        for index, column in enumerate(self._columns):
            if not accepts(schema.field(column.name).type, column.type):
                raise JobFailed("dataset.column", column=index)

    def _read_csv(self, data: bytes) -> Iterator[pa.RecordBatch]:
        settings = {
            "read_options": pa.csv.ReadOptions(use_threads=False),
            "parse_options": pa.csv.ParseOptions(newlines_in_values=True),
        }
        wanted = self._wanted(pa.csv.open_csv(io.BytesIO(data), **settings).schema.names)
        as_text = pa.csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        return iter(pa.csv.open_csv(io.BytesIO(data), convert_options=as_text, **settings))

    def _read_parquet(self, data: bytes) -> Iterator[pa.RecordBatch]:
        file = pa.parquet.ParquetFile(pa.BufferReader(data))
        if file.metadata.num_rows > self._rows_left:
            raise JobFailed("dataset.size")
        wanted = self._wanted(file.schema_arrow.names)
        self._check_types(file.schema_arrow)
        return iter(file.iter_batches(batch_size=_BATCH, columns=wanted, use_threads=False))

    def _read_arrow(self, data: bytes) -> Iterator[pa.RecordBatch]:
        is_file = data.startswith(b"ARROW1")
        schema = (pa.ipc.open_file if is_file else pa.ipc.open_stream)(pa.BufferReader(data)).schema
        wanted = self._wanted(schema.names)
        self._check_types(schema)
        options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(n) for n in wanted], use_threads=False)
        if is_file:
            file = pa.ipc.open_file(pa.BufferReader(data), options=options)
            return (file.get_batch(index) for index in range(file.num_record_batches))
        return iter(pa.ipc.open_stream(pa.BufferReader(data), options=options))
