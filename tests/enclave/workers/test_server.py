"""The real thing: a worker server and its jailed workers, driven as the keeper drives them."""

from __future__ import annotations

import io
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.enclave.workers.keeper import Error, Keeper
from tests.enclave.workers.sealing import COLUMNS, CSV, seal
from tests.enclave.workers.test_jail import GUARDS
from tobari.base.messages.objects import CHUNK
from tobari.enclave.runtime.job import Source, Work
from tobari.enclave.workers.job import Inspection, Limits, Rows
from tobari.enclave.workers.server import Done, Failed, Progress

FOREVER = "SELECT count(*) AS n FROM range(1000000000000) AS t(i) WHERE i % 7 = 3"
LIMITS = Limits(seconds=20, memory=256 << 20)


@pytest.fixture(scope="module")
def keeper() -> Iterator[Keeper]:
    keeper = Keeper()
    yield keeper
    keeper.stop()


@pytest.fixture
def own_keeper() -> Iterator[Keeper]:
    keeper = Keeper()
    yield keeper
    keeper.stop()


def query(sql: str, sources: list[Source]) -> Work:
    return Work(kind="query", sources=sources, columns=COLUMNS, sql=sql, entity="id")


def submit(keeper: Keeper, sql: str, *files: tuple[Source, list[bytes]], limits: Limits = LIMITS) -> Any:
    files = files or (seal(CSV),)
    return keeper.submit(query(sql, [source for source, _ in files]), [chunks for _, chunks in files], limits=limits)


def run(keeper: Keeper, sql: str, *files: tuple[Source, list[bytes]], limits: Limits = LIMITS) -> Any:
    return keeper.wait_for(submit(keeper, sql, *files, limits=limits))[-1]


def failure(keeper: Keeper, sql: str, *files: tuple[Source, list[bytes]], limits: Limits = LIMITS) -> Error:
    event = run(keeper, sql, *files, limits=limits)
    assert isinstance(event, Failed)
    return event.error


def test_the_keeper_loads_none_of_what_parses() -> None:
    code = "import sys, tobari.enclave.workers.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "tobari.enclave.workers.server" in loaded
    assert {"numpy", "pyarrow", "duckdb"}.isdisjoint(loaded)


def test_a_process_with_threads_forks_no_server() -> None:
    code = (
        "import threading, tobari.enclave.workers.server as s; e = threading.Event()\n"
        "threading.Thread(target=e.wait).start()\n"
        "try: s.WorkerServer.start()\n"
        "except Exception as error: print(error.code)\n"
        "finally: e.set()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["worker.start"]


def test_every_guard_was_found_in_force(keeper: Keeper) -> None:
    assert list(keeper.guards()) == GUARDS


def test_a_query_over_the_data_of_several_owners(keeper: Keeper) -> None:
    sink = io.BytesIO()
    pq.write_table(
        pa.table({"id": ["c"], "age": [30], "dose": [0.5], "alive": [True], "seen": pa.array([0], pa.date32())}), sink
    )
    other = seal(sink.getvalue(), file_format="parquet", dataset=b"d" * 16, object_index=7, key=b"K" * 32)
    started = time.monotonic()
    job = submit(
        keeper, "SELECT id, COUNT(*) AS n, SUM(age) AS age FROM data GROUP BY id ORDER BY id", seal(CSV), other
    )
    *progress, done = keeper.wait_for(job)
    print(f"a small query in a fresh worker: {time.monotonic() - started:.3f} s")
    assert done == Done(
        job,
        Rows(
            columns=["id", "n", "age"],
            types=["text", "integer", "integer"],
            rows=[["a", 2, 41], ["b", 1, None], ["c", 1, 30]],
        ),
    )
    assert Progress(job, "open", 0.0) in progress


def test_a_contribution_is_looked_at(keeper: Keeper) -> None:
    source, chunks = seal(CSV)
    work = Work(kind="inspect", sources=[source], columns=COLUMNS, entity="id")
    job = keeper.submit(work, [chunks], limits=LIMITS)
    done = keeper.wait_for(job)[-1]
    assert isinstance(done, Done)
    size = done.result.decoded_bytes
    assert done.result == Inspection(rows=3, entities=2, decoded_bytes=size, bad_cells=[0, 1, 1, 1, 1])
    assert 50 < size < 1000


def test_an_object_of_several_chunks(keeper: Keeper) -> None:
    data = b"id,age,dose,alive,seen\n" + b"somebody,41,1.5,yes,2024-02-29\n" * 50_000
    assert len(data) > CHUNK
    assert run(keeper, "SELECT COUNT(*) AS n, SUM(age) AS s FROM data", seal(data)).result.rows == [[50_000, 2_050_000]]


def test_swapped_chunks(keeper: Keeper) -> None:
    source, (first, second, *rest) = seal(b"x" * (2 * CHUNK + 1))
    assert failure(keeper, "SELECT 1 AS x", (source, [second, first, *rest])).code == "object.chunk"


def test_truncated_object(keeper: Keeper) -> None:
    source, chunks = seal(b"x" * (2 * CHUNK + 1))
    assert failure(keeper, "SELECT 1 AS x", (source, chunks[:-1])).code == "object.root"


def test_replayed_object(keeper: Keeper) -> None:
    source, _ = seal(CSV, object_index=1)
    _, chunks = seal(CSV, object_index=0)
    assert failure(keeper, "SELECT 1 AS x", (source, chunks)).code == "object.chunk"


def test_a_missing_column_is_named(keeper: Keeper) -> None:
    error = failure(keeper, "SELECT 1 AS x", seal(b"id,dose,alive,seen\nsecret,1,yes,2024-01-01\n"))
    assert (error.kind, error.code) == ("Malformed", "dataset.column")
    assert "'age'" in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize("sql", ["SELECT error(id) AS x FROM data", "SELECT CAST(id AS INTEGER) AS x FROM data"])
def test_no_value_leaves_by_an_error(keeper: Keeper, sql: str) -> None:
    error = failure(keeper, sql, seal(b"id,age,dose,alive,seen\nWakamatsu,1,1,yes,2024-01-01\n"))
    assert error.code == "worker.query"
    assert "Wakamatsu" not in error.message


def test_a_bomb_that_fits_no_memory(keeper: Keeper) -> None:
    cells = pa.DictionaryArray.from_arrays(pa.array([0] * 65_536, pa.int32()), ["x" * 65_536])
    columns = {"id": cells, "age": [1] * 65_536, "dose": [1.0] * 65_536, "alive": [True] * 65_536}
    sink = io.BytesIO()
    pq.write_table(pa.table({**columns, "seen": pa.array([0] * 65_536, pa.date32())}), sink)
    assert len(sink.getvalue()) < 300_000
    assert failure(keeper, "SELECT 1 AS x", seal(sink.getvalue(), file_format="parquet")).code == "worker.memory"


def test_more_memory_than_allowed(keeper: Keeper) -> None:
    sql = "SELECT COUNT(*) AS n FROM (SELECT DISTINCT i FROM range(100000000) AS t(i))"
    assert failure(keeper, sql).code == "worker.memory"


def test_more_rows_than_allowed(keeper: Keeper) -> None:
    limits = Limits(rows=2)
    assert failure(keeper, "SELECT id FROM data", limits=limits).code == "worker.rows"


def test_more_bytes_than_allowed(keeper: Keeper) -> None:
    limits = Limits(result_bytes=1000)
    assert failure(keeper, "SELECT repeat('x', 1000) AS x", limits=limits).code == "worker.result"


def test_timeout(keeper: Keeper) -> None:
    started = time.monotonic()
    assert failure(keeper, FOREVER, limits=Limits(seconds=1)).code == "worker.timeout"
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("number", [9, 11])
def test_a_crash_is_reported_and_survived(keeper: Keeper, number: int) -> None:
    job = submit(keeper, FOREVER)
    keeper.wait_until_it_computes(job)
    (worker,) = keeper.workers()
    keeper.kill(worker, number)
    (event,) = keeper.wait_for(job)[-1:]
    assert event.error.code == "worker.died"
    assert run(keeper, "SELECT 1 AS x").result.rows == [[1]]


def test_cancelling_a_job_that_runs_and_one_that_waits(keeper: Keeper) -> None:
    jobs = [submit(keeper, FOREVER) for _ in range(3)]
    keeper.wait_until_it_computes(jobs[1])
    assert len(keeper.workers()) == 2
    for job in reversed(jobs):
        keeper.cancel(job)
    for job in jobs:
        assert keeper.wait_for(job)[-1].error.code == "worker.cancelled"
    assert keeper.workers() == []
    keeper.cancel(jobs[0])
    assert run(keeper, "SELECT 1 AS x").result.rows == [[1]]


def test_jobs_queue_and_leave_no_descriptor(keeper: Keeper) -> None:
    before = keeper.descriptors()
    jobs = [submit(keeper, f"SELECT {number} AS x") for number in range(5)]
    assert [keeper.wait_for(job)[-1].result.rows for job in jobs] == [[[number]] for number in range(5)]
    assert keeper.descriptors() == before


def test_a_worker_without_a_guard_that_was_stated_opens_nothing(own_keeper: Keeper) -> None:
    own_keeper.demand(*GUARDS, "moat")
    assert failure(own_keeper, "SELECT 1 AS x").code == "worker.guards"


def test_the_queue_has_an_end(own_keeper: Keeper) -> None:
    answers = [submit(own_keeper, FOREVER) for _ in range(67)]
    assert answers[-1].code == "worker.busy"
    assert all(isinstance(answer, int) for answer in answers[:-1])


def test_a_server_that_dies_fails_its_jobs_and_takes_its_workers_along(own_keeper: Keeper) -> None:
    jobs = [submit(own_keeper, FOREVER) for _ in range(3)]
    own_keeper.wait_until_it_computes(jobs[0])
    workers = own_keeper.workers()
    own_keeper.kill(own_keeper.server_pid())
    assert [own_keeper.wait_for(job)[-1].error.code for job in jobs] == ["worker.died"] * 3
    assert own_keeper.is_alive() is False
    assert submit(own_keeper, FOREVER).code == "worker.gone"
    assert_gone(*workers)


def test_a_keeper_that_dies_takes_all_along() -> None:
    keeper = Keeper()
    job = submit(keeper, FOREVER)
    keeper.wait_until_it_computes(job)
    processes = [keeper.server_pid(), *keeper.workers()]
    assert len(processes) == 2
    keeper.process.kill()
    keeper.process.wait()
    keeper.process.stdin.close()
    keeper.process.stdout.close()
    assert_gone(*processes)


def assert_gone(*processes: int) -> None:
    deadline = time.monotonic() + 5
    while any(is_running(pid) for pid in processes):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
