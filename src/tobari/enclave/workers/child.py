"""The worker: one job, from its first instruction after the fork to its exit.

It enters the jail, and only then reads its keys. Whatever it leaves by (an answer, a failure, a fault of its own), it
says a code and at most a column's position, and nothing that a library or an exception said.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from tobari.base import wire
from tobari.base.wire import Message
from tobari.enclave.runtime.job import Work
from tobari.enclave.workers import engine, jail, memory
from tobari.enclave.workers.failures import JobFailed
from tobari.enclave.workers.job import MAX_ASSIGNMENT, Assignment, Inspection, Limits, Rows
from tobari.enclave.workers.objects import open_object
from tobari.enclave.workers.report import Phase, Start, Verdict
from tobari.enclave.workers.tables import TableReader


class Worker:
    """One job in its own process. `descriptors`: the assignment, the result, then the objects."""

    def __init__(self, start: Start, descriptors: list[int], *, report: int, server: int) -> None:
        self._start = start
        self._assignment, self._result, *self._objects = descriptors
        self._report = report
        self._server = server

    def run(self) -> NoReturn:
        """Do the job and leave the process."""
        verdict = Verdict(code="worker.died")
        try:
            self._answer()
            verdict = Verdict()
        except JobFailed as failure:
            verdict = Verdict(code=failure.code, column=failure.column)
        except MemoryError:
            verdict = Verdict(code="worker.memory")
        finally:  # of any other fault nothing is said but that it was one
            self._say(verdict)
            os._exit(0)

    def _answer(self) -> None:
        connection, guards = jail.enter(
            server=self._server,
            keep=[self._assignment, self._result, self._report, *self._objects],
            seconds=self._start.seconds,
            memory=self._start.memory,
            file_size=self._start.result_bytes,
            prepare=lambda: engine.connect(memory=self._start.memory // 2),
        )
        task = self._read_assignment()
        if not set(task.guards) <= set(guards):
            raise JobFailed("worker.guards")
        reader = self._read_tables(task.work, task.limits)
        table = reader.table()
        self._say(Phase(phase="compute", fraction=0.0))
        answer: Rows | Inspection
        if task.work.kind == "query":
            answer = engine.run(connection, task.work.sql or "", table, max_rows=task.limits.rows)
        else:
            answer = _inspect(table, reader, entity=task.work.entity)
        self._say(Phase(phase="answer", fraction=0.0))
        self._write(answer, max_bytes=task.limits.result_bytes)

    def _read_assignment(self) -> Assignment:
        data = memory.content(self._assignment, max_bytes=MAX_ASSIGNMENT) or b""
        os.close(self._assignment)
        task = wire.from_cbor(data, Assignment, max_bytes=MAX_ASSIGNMENT)
        if len(task.work.sources) != len(self._objects):
            raise JobFailed("worker.died")
        return task

    def _read_tables(self, work: Work, limits: Limits) -> TableReader:
        reader = TableReader(work.columns, max_rows=limits.input_rows, max_bytes=limits.input_bytes)
        for index, (source, descriptor) in enumerate(zip(work.sources, self._objects, strict=True)):
            done = index / len(self._objects)
            self._say(Phase(phase="open", fraction=done))
            data = open_object(source, descriptor, max_bytes=limits.input_bytes)
            os.close(descriptor)
            self._say(Phase(phase="parse", fraction=done))
            reader.add(data, file_format=source.format)
        return reader

    def _write(self, answer: Message, *, max_bytes: int) -> None:
        data = wire.to_cbor(answer)
        if len(data) > max_bytes:
            raise JobFailed("worker.result")
        memory.append(self._result, data)

    def _say(self, report: Phase | Verdict) -> None:
        os.write(self._report, wire.to_cbor(report))


def _inspect(table: pa.Table, reader: TableReader, *, entity: str | None) -> Inspection:
    entities = pc.count_distinct(table.column(entity), mode="only_valid").as_py() if entity is not None else 0
    return Inspection(rows=table.num_rows, entities=entities, decoded_bytes=table.nbytes, bad_cells=reader.bad_cells)


def find_guards(start: Start, *, report: int, server: int) -> NoReturn:
    """Enter the jail with no job, say which guards hold there, and leave the process."""
    try:
        _, guards = jail.enter(
            server=server,
            keep=[report],
            seconds=start.seconds,
            memory=start.memory,
            file_size=start.result_bytes,
            prepare=lambda: engine.connect(memory=start.memory // 2),
        )
        os.write(report, ",".join(guards).encode())
    finally:
        os._exit(0)
