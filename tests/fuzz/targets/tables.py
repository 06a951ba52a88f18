"""Owners' files as a worker reads them: CSV, Parquet, Arrow. The first byte names the format, the rest is the file.

Decoders written in C++ are reached here, outside the jail: run it in a process of its own, with little memory.
"""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from tobari.enclave.runtime.job import Column
from tobari.enclave.workers.failures import JobFailed
from tobari.enclave.workers.tables import TableReader

FORMATS = {b"c": "csv", b"p": "parquet", b"a": "arrow"}
COLUMNS = [Column(name="id", type="text"), Column(name="n", type="integer"), Column(name="d", type="date")]
ROWS = 1 << 16
BYTES = 1 << 24


def run(data: bytes) -> None:
    reader = TableReader(COLUMNS, max_rows=ROWS, max_bytes=BYTES)
    try:
        reader.add(data[1:], file_format=FORMATS.get(data[:1], "csv"))
    except (JobFailed, MemoryError):
        return
    table = reader.table()
    table.validate(full=True)
    assert table.num_rows <= ROWS
    assert table.nbytes <= BYTES


def seeds() -> dict[str, bytes]:
    table = pa.table({"id": ["a", None], "n": [1, 2], "d": pa.array([0, 1], pa.date32())})
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), ["x" * 400])
    zeros = pa.array([0]).take(pa.array([0] * 50_000))
    bomb = pa.table({"id": text, "n": zeros, "d": zeros.cast(pa.int32()).cast(pa.date32())})
    return {
        "csv": b"cid,n,d\na,1,2024-02-29\n,,\n",
        "csv-quoted": b'cd,n,id\r\n2024-01-01,"1","a\nb"\r\n',
        "csv-bom": b"c\xef\xbb\xbfid,n,d\n",
        "csv-open-quote": b'cid,n,d\n"a,1,2\n',
        "csv-numbers": b"cid,n,d\n1e999,99999999999999999999,0000-00-00\n-0,+1,10000-01-01\n",
        "parquet": b"p" + _parquet(table),
        "parquet-gzip": b"p" + _parquet(table, compression="gzip"),
        "parquet-bomb-gzip": b"p" + _parquet(bomb, compression="gzip"),
        "parquet-bomb-zstd": b"p" + _parquet(bomb, compression="zstd"),
        "arrow-stream": b"a" + _arrow(table, stream=True),
        "arrow-file": b"a" + _arrow(table),
        "arrow-zstd": b"a" + _arrow(table, compression="zstd"),
        "arrow-bomb": b"a" + _arrow(bomb, compression="zstd"),
    }


def _parquet(table: pa.Table, **named: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, store_schema=False, write_statistics=False, **named)
    return sink.getvalue()


def _arrow(table: pa.Table, *, stream: bool = False, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()
