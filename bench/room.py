"""A room's question over ten million rows: sealed, rewritten with its thresholds and run by a jailed worker, against
the same rewritten SQL in plain DuckDB on the plain Parquet file.

Both have one core and one thread. Cold is all of it: the question signed and committed, the sealed object fetched from
the host's disk, checked, decrypted and decoded, the SQL run, the release committed and in the analyst's hands. The file
is in the page cache for both. `engine` is the SQL alone over decoded columns in memory, as the worker runs it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet

from bench import machine, service
from bench.figure import Figure
from bench.service import Service
from tobari.client import objects
from tobari.client.objects import DataKey
from tobari.client.session import Session
from tobari.enclave.workers import engine
from tobari.rules.query.policy import plan
from tobari.rules.query.table import Contribution
from tobari.rules.query.terms import DataTerms, sign_terms
from tobari.rules.query.terms_file import from_toml

ROWS = 10_000_000
PATIENTS = 1_000_000
"""Each in one ward and of one age; their rows lie anywhere in the file."""
ROUNDS = 5
POLL_SECONDS = 0.005
TERMS = """
room = "bench"
purpose = "Measuring"
entity = "patient"
min_group = 20
recipients = ["analyst"]
[columns.patient]
type = "integer"
role = "identifier"
[columns.ward]
type = "integer"
role = "quasi-identifier"
uses = ["group", "filter"]
[columns.age]
type = "integer"
role = "quasi-identifier"
uses = ["filter"]
[columns.days]
type = "integer"
role = "measure"
uses = ["aggregate"]
aggregates = ["AVG", "COUNT", "SUM"]
"""
GENERATE = f"""
COPY (SELECT patient, patient % 50 AS ward, 18 + patient % 71 AS age, (hash(i + 1) % 4000)::BIGINT AS days
      FROM (SELECT i, (hash(i) % {PATIENTS})::BIGINT AS patient FROM range({ROWS}) t(i)))
TO '{{path}}' (FORMAT parquet, COMPRESSION zstd)
"""
QUESTION = "SELECT ward, COUNT(*) AS n, AVG(days) AS days FROM room WHERE age >= {age} GROUP BY ward"


def run() -> list[Figure]:
    members = {"hospital": ["owner"], "analyst": ["analyst"]}
    core = machine.cores()[0]
    with tempfile.TemporaryDirectory(prefix="tobari-bench-") as folder:
        path = Path(folder) / "data.parquet"
        duckdb.execute(GENERATE.format(path=path))
        with service.running(members=members, programs=["room"], core=core) as running:
            terms = _contribute(running, path)
            with running.session("analyst") as analyst, machine.on_core(core):
                return _figures(analyst, path, terms)


def _figures(analyst: Session, path: Path, terms: DataTerms) -> list[Figure]:
    plain, memory, cold = [], [], []
    table = pa.parquet.read_table(path)
    # Another question each round: the same one would be answered by the stored release.
    for age in range(20, 20 + ROUNDS):
        question = QUESTION.format(age=age)
        contributions = [Contribution(owner="hospital", terms=terms)]
        planned = plan(question, room="bench", contributions=contributions, recipient="analyst", at=0)
        plain.append(_timed(_duckdb, planned.sql, path))
        memory.append(_timed(_engine, planned.sql, table))
        cold.append(_timed(_ask, analyst, question))
    ratios = [ours / theirs for ours, theirs in zip(cold, plain, strict=True)]
    return [
        Figure(name="plain DuckDB on plain Parquet, one thread", value=statistics.median(plain) * 1e3, unit="ms"),
        Figure(name="engine on decoded columns", value=statistics.median(memory) * 1e3, unit="ms"),
        Figure(name="room, cold", value=statistics.median(cold) * 1e3, unit="ms"),
        Figure(
            name="room, cold, against plain DuckDB",
            value=statistics.median(ratios),
            unit="times",
            target=3,
            bound="at most",
            note=f"{ROUNDS} rounds: {min(ratios):.2f} to {max(ratios):.2f}",
        ),
    ]


def _contribute(running: Service, path: Path) -> DataTerms:
    key = DataKey.generate()
    terms = from_toml(TERMS, dataset=key.dataset)
    with running.session("hospital") as owner:
        sealed = objects.seal(path, key, object_index=0)
        owner.upload(sealed)
        arguments = {
            "room": "bench",
            "terms": sign_terms(terms, key=running.keys["hospital"]),
            "objects": [sealed.ref],
            "format": "parquet",
            "data_key": key.secret,
        }
        _finished(owner, owner.call("room", "contribute", arguments).value["job"])
    return terms


def _ask(analyst: Session, question: str) -> None:
    asked = analyst.call("room", "run", {"room": "bench", "sql": question}).value
    _finished(analyst, asked["job"])
    analyst.query("room", "release", {"release": asked["release"]})


def _finished(session: Session, job: bytes) -> None:
    while (state := session.query("room", "job", {"job": job}))["state"] == "running":
        time.sleep(POLL_SECONDS)
    if state["state"] != "done":
        raise ValueError(f"a job of the benchmark failed: {state}")


def _duckdb(sql: str, path: Path) -> list[Any]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"CREATE VIEW {engine.TABLE} AS FROM read_parquet('{path}')")
        return connection.execute(sql).fetchall()


def _engine(sql: str, table: pa.Table) -> object:
    return engine.run(engine.connect(memory=1 << 30), sql, table, max_rows=1000)


def _timed(work: Callable[..., object], *arguments: object) -> float:
    begin = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begin
