"""The engine: one SELECT over one table, plain answers, and no word of DuckDB's."""

from __future__ import annotations

import decimal
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from tobari.enclave.workers import engine
from tobari.enclave.workers.failures import JobFailed, to_error

TABLE = pa.table({"id": ["a", "b", "a"], "n": [1, 2, None], "r": [0.5, None, 1.5]})


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with engine.connect(memory=64 << 20) as connection:
        yield connection


def run(connection: duckdb.DuckDBPyConnection, sql: str, *, max_rows: int = 100):
    return engine.run(connection, sql, TABLE, max_rows=max_rows)


def refused(connection: duckdb.DuckDBPyConnection, sql: str, **named: int) -> str:
    with pytest.raises(JobFailed) as raised:
        run(connection, sql, **named)
    assert raised.value.__cause__ is None
    return raised.value.code


def test_an_answer_in_plain_values(connection: duckdb.DuckDBPyConnection) -> None:
    answer = run(
        connection, 'SELECT id, SUM(n) AS total, AVG(r) AS mean, COUNT(*) AS "数" FROM data GROUP BY id ORDER BY id'
    )
    assert answer.columns == ["id", "total", "mean", "数"]
    assert answer.types == ["text", "integer", "real", "integer"]
    assert answer.rows == [["a", 1, 1.0, 2], ["b", 2, None, 1]]


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("9223372036854775807::HUGEINT + 1", "integer", None),
        ("-9223372036854775808::HUGEINT", "integer", -(1 << 63)),
        ("'nan'::DOUBLE", "real", None),
        ("'-infinity'::FLOAT", "real", None),
        ("1.25::DECIMAL(5,2)", "real", 1.25),
        ("DATE '2024-02-29'", "date", "2024-02-29"),
        ("DATE '10000-01-01'", "date", None),
        ("TRUE", "boolean", True),
        ("NULL::BOOLEAN", "boolean", None),
        ("'帳'", "text", "帳"),
    ],
)
def test_cells(connection: duckdb.DuckDBPyConnection, expression: str, kind: str, value: object) -> None:
    answer = run(connection, f"SELECT {expression} AS x")
    assert (answer.types, answer.rows) == ([kind], [[value]])
    assert not isinstance(answer.rows[0][0], decimal.Decimal)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1; SELECT 2",
        "SELECT * FROM elsewhere",
        "SELECT",
        "ATTACH ':memory:' AS x",
        "ATTACH '/tmp/x.db'",
        "DETACH memory",
        "COPY data TO '/tmp/x'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "SET memory_limit = '1TB'",
        "RESET ALL",
        "CREATE TABLE x AS SELECT 1",
        "CREATE MACRO m() AS 1",
        "EXPLAIN SELECT 1",
        "CALL duckdb_settings()",
        "SELECT [1, 2]",
        "SELECT TIMESTAMP '2024-01-01'",
        "SELECT error(id) FROM data",
        "SELECT CAST(id AS INTEGER) FROM data",
    ],
)
def test_everything_else_is_one_code(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert refused(connection, sql) == "worker.query"


def test_the_table_of_the_caller_is_not_found_by_its_python_name(connection: duckdb.DuckDBPyConnection) -> None:
    assert refused(connection, "SELECT * FROM TABLE_") == "worker.query"
    assert refused(connection, "SELECT * FROM table") == "worker.query"


def test_more_rows_than_allowed(connection: duckdb.DuckDBPyConnection) -> None:
    assert len(run(connection, "SELECT id FROM data", max_rows=3).rows) == 3
    assert refused(connection, "SELECT id FROM data", max_rows=2) == "worker.rows"


def test_more_memory_than_allowed(connection: duckdb.DuckDBPyConnection) -> None:
    assert refused(connection, "SELECT count(*) FROM (SELECT DISTINCT i FROM range(50000000) t(i))") == "worker.memory"


@pytest.mark.parametrize("code", ["worker.invented", "a.b", "dataset.column"])
def test_what_a_worker_should_not_say_is_its_death(code: str) -> None:
    assert to_error(code).code == "worker.died"
