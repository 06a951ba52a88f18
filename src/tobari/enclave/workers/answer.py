"""Taking a result from a worker that is gone: whatever it left is a stranger's bytes until it was checked here."""

from __future__ import annotations

from tobari.base import wire
from tobari.base.errors import TobariError
from tobari.enclave.runtime.job import Work
from tobari.enclave.workers import memory
from tobari.enclave.workers.failures import to_error
from tobari.enclave.workers.job import Inspection, Limits, Rows
from tobari.enclave.workers.report import Verdict

_CELLS: dict[str, type] = {"text": str, "integer": int, "real": float, "boolean": bool, "date": str}


def take(work: Work, limits: Limits, verdict: Verdict, result: int) -> Rows | Inspection:
    """The answer to `work` in the memory file `result`.

    Raises:
        TobariError: what the verdict says (`failures`); `worker.died`, if the answer is not one to this work.
    """
    if verdict.code is not None:
        columns = dict(enumerate(column.name for column in work.columns))
        raise to_error(verdict.code, column=columns.get(-1 if verdict.column is None else verdict.column))
    data = memory.content(result, max_bytes=limits.result_bytes)
    if data is None:
        raise to_error("worker.died")
    try:
        if work.kind == "inspect":
            return _check_inspection(work, wire.from_cbor(data, Inspection, max_bytes=limits.result_bytes))
        return _check_rows(limits, wire.from_cbor(data, Rows, max_bytes=limits.result_bytes))
    except TobariError:
        raise to_error("worker.died") from None


def _check_inspection(work: Work, found: Inspection) -> Inspection:
    if len(found.bad_cells) != len(work.columns) or found.entities > found.rows:
        raise to_error("worker.died")
    return found


def _check_rows(limits: Limits, found: Rows) -> Rows:
    kinds = [_CELLS.get(kind) for kind in found.types]
    if None in kinds or len(kinds) != len(found.columns) or len(found.rows) > limits.rows:
        raise to_error("worker.died")
    for row in found.rows:
        if len(row) != len(kinds):
            raise to_error("worker.died")
        if any(cell is not None and type(cell) is not kind for cell, kind in zip(row, kinds, strict=True)):
            raise to_error("worker.died")
    return found
