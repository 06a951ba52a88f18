"""The worker server's own process: it forks a worker for each job, passes on what it says, and ends it in time.

It holds no key and reads no memory file. It has one thread, and waits for the keeper and for its workers at once. A
worker's reports are hostile input: a wrong one ends the worker. The server ends when the keeper closes the channel.

Imported in the server only: `child` brings in pyarrow and duckdb.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from typing import Any

from tobari.base import wire
from tobari.base.errors import TobariError
from tobari.enclave.workers.channel import Channel
from tobari.enclave.workers.child import Worker, find_guards
from tobari.enclave.workers.report import (
    MAX_REPORT,
    Cancel,
    Ended,
    FromWorker,
    Moved,
    Ready,
    Start,
    ToServer,
    Verdict,
)

_PROBE = Start(job=0, seconds=30, memory=256 << 20, result_bytes=0)
_FROM_WORKER: Any = FromWorker
_REPORTS_AT_ONCE = 16
_QUIET = 0.05
"""Seconds between two reports of one worker that are passed on: one taken over must not drown the keeper."""


class _Running:
    """One worker, as the server sees it."""

    def __init__(self, job: int, *, pid: int, report: int, deadline: float) -> None:
        self.job = job
        self.pid = pid
        self.report = report
        self.deadline = deadline
        self.heard = 0.0
        self.verdict = Verdict(code="worker.died")


class Supervisor:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._running: dict[int, _Running] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ, None)

    def run(self) -> None:
        """Serve until the keeper closes the channel or is gone."""
        self._channel.send(Ready(guards=_probe()))
        try:
            while True:
                self._turn()
        except (EOFError, OSError, TobariError):
            for worker in list(self._running.values()):
                self._end(worker, worker.verdict)

    def _turn(self) -> None:
        """Wait for something, then do it."""
        writing = selectors.EVENT_WRITE if self._channel.is_waiting else 0
        self._selector.modify(self._channel, selectors.EVENT_READ | writing, None)
        now = time.monotonic()
        nearest = min((worker.deadline for worker in self._running.values()), default=None)
        for key, _ in self._selector.select(None if nearest is None else max(0.0, nearest - now)):
            if key.data is None:
                self._obey()
            else:
                self._listen(key.data)
        self._channel.flush()
        now = time.monotonic()
        for worker in [worker for worker in self._running.values() if worker.deadline <= now]:
            self._end(worker, Verdict(code="worker.timeout"))

    def _obey(self) -> None:
        while (received := self._channel.receive(ToServer)) is not None:
            message, descriptors = received
            if isinstance(message, Start):
                self._start(message, descriptors)
                continue
            assert isinstance(message, Cancel)
            cancelled = Verdict(code="worker.cancelled")
            worker = self._running.get(message.job)
            if worker is not None:
                self._end(worker, cancelled)
            else:  # it waited at the keeper, or is over: an event all the same, so that the keeper wakes up
                self._channel.send(Ended(job=message.job, verdict=cancelled))

    def _start(self, start: Start, descriptors: list[int]) -> None:
        server = os.getpid()
        # in packet mode a pipe keeps the worker's reports apart
        listening, report = os.pipe2(os.O_CLOEXEC | os.O_DIRECT)
        pid = os.fork()
        if pid == 0:
            Worker(start, descriptors, report=report, server=server).run()
        for descriptor in (report, *descriptors):
            os.close(descriptor)
        os.set_blocking(listening, False)
        worker = _Running(start.job, pid=pid, report=listening, deadline=time.monotonic() + start.seconds)
        self._running[start.job] = worker
        self._selector.register(listening, selectors.EVENT_READ, worker)

    def _listen(self, worker: _Running) -> None:
        """Take some of what a worker says; it may say no more than a turn's worth at a time."""
        for _ in range(_REPORTS_AT_ONCE):
            if self._running.get(worker.job) is not worker:
                return
            try:
                data = os.read(worker.report, MAX_REPORT)
                report: Any = wire.from_cbor(data, _FROM_WORKER, max_bytes=MAX_REPORT) if data else None
            except BlockingIOError:
                return
            except TobariError:
                self._end(worker, Verdict(code="worker.died"))
                return
            if report is None:  # the pipe's other end closed with the process
                self._end(worker, worker.verdict)
            elif isinstance(report, Verdict):
                worker.verdict = report
            elif time.monotonic() - worker.heard >= _QUIET:
                worker.heard = time.monotonic()
                self._channel.send(Moved(job=worker.job, phase=report.phase, fraction=report.fraction))

    def _end(self, worker: _Running, verdict: Verdict) -> None:
        """Kill the process if it still runs, bury it, and tell the keeper: by then nobody writes the result."""
        os.kill(worker.pid, signal.SIGKILL)
        os.waitpid(worker.pid, 0)
        self._selector.unregister(worker.report)
        os.close(worker.report)
        del self._running[worker.job]
        self._channel.send(Ended(job=worker.job, verdict=verdict))


def _probe() -> list[str]:
    """The guards that hold around a worker on this machine."""
    server = os.getpid()
    listening, report = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        find_guards(_PROBE, report=report, server=server)
    os.close(report)
    with os.fdopen(listening) as answer:
        found = answer.read(4096)
    os.waitpid(pid, 0)
    return [name for name in found.split(",") if name]
