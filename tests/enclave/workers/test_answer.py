"""Results that a worker left: only an answer to the work is taken."""

from __future__ import annotations

import os

import pytest

from tests.enclave.workers.sealing import COLUMNS
from tobari.base import wire
from tobari.base.errors import Broken, Malformed, TobariError
from tobari.enclave.runtime.job import Work
from tobari.enclave.workers import answer, memory
from tobari.enclave.workers.job import Inspection, Limits, Rows
from tobari.enclave.workers.report import Verdict

QUERY = Work(kind="query", sources=[], columns=COLUMNS, sql="SELECT 1")
GOOD = Verdict()
INSPECT = Work(kind="inspect", sources=[], columns=COLUMNS)
ROWS = Rows(columns=["x", "y"], types=["integer", "text"], rows=[[1, "a"], [None, None]])
INSPECTION = Inspection(rows=3, entities=2, decoded_bytes=90, bad_cells=[0] * 5)


def take(work: Work, data: bytes, *, verdict: Verdict = GOOD, **limits: int) -> Rows | Inspection:
    descriptor = memory.holding(data)
    try:
        return answer.take(work, Limits(**limits), verdict, descriptor)
    finally:
        os.close(descriptor)


def test_an_answer_to_the_work_is_taken() -> None:
    assert take(QUERY, wire.to_cbor(ROWS)) == ROWS
    assert take(INSPECT, wire.to_cbor(INSPECTION)) == INSPECTION


@pytest.mark.parametrize(
    ("work", "data"),
    [
        (QUERY, b""),
        (QUERY, wire.to_cbor(ROWS) + b"\0"),
        (QUERY, wire.to_cbor(INSPECTION)),
        (QUERY, wire.to_cbor(Rows(columns=["x"], types=["blob"], rows=[]))),
        (QUERY, wire.to_cbor(Rows(columns=["x"], types=[], rows=[]))),
        (QUERY, wire.to_cbor(Rows(columns=["x"], types=["integer"], rows=[[True]]))),
        (QUERY, wire.to_cbor(Rows(columns=["x"], types=["real"], rows=[[1]]))),
        (QUERY, wire.to_cbor(Rows(columns=["x"], types=["text"], rows=[["a", "b"]]))),
        (QUERY, wire.to_cbor({"columns": ["x"], "types": ["text"], "rows": [[["nested"]]]})),
        (INSPECT, wire.to_cbor(ROWS)),
        (INSPECT, wire.to_cbor(Inspection(rows=3, entities=2, decoded_bytes=90, bad_cells=[]))),
        (INSPECT, wire.to_cbor(Inspection(rows=3, entities=4, decoded_bytes=90, bad_cells=[0] * 5))),
        (INSPECT, wire.to_cbor({"rows": -1, "entities": 0, "bad_cells": [0] * 5})),
    ],
)
def test_anything_else_is_the_worker_s_death(work: Work, data: bytes) -> None:
    with pytest.raises(Broken) as raised:
        take(work, data)
    assert raised.value.code == "worker.died"


@pytest.mark.parametrize("limits", [{"rows": 1}, {"result_bytes": 10}])
def test_a_result_beyond_its_limits_was_not_made_by_an_honest_worker(limits: dict[str, int]) -> None:
    with pytest.raises(Broken):
        take(QUERY, wire.to_cbor(ROWS), **limits)


def test_a_column_is_named_only_if_the_work_has_it() -> None:
    with pytest.raises(Malformed, match="Column 'age'"):
        take(QUERY, b"", verdict=Verdict(code="dataset.column", column=1))
    for column in (5, None):
        with pytest.raises(TobariError) as raised:
            take(QUERY, b"", verdict=Verdict(code="dataset.column", column=column))
        assert raised.value.code == "worker.died"
