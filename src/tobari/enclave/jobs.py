"""Between keeper and workers: fetch a job's sealed objects from the host, hand them over, report what came of it.

Chunks are ciphertext all the way here; they go into memory files that only the worker reads. Objects are fetched one
after the other, each in one request, and never more than the job names.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any, NamedTuple

from tobari.base import wire
from tobari.base.errors import NotFound, TobariError
from tobari.base.messages import link
from tobari.base.messages.command import ErrorReport
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.enclave.runtime.job import Job, Source
from tobari.enclave.workers import memory
from tobari.enclave.workers.failures import to_error
from tobari.enclave.workers.job import Limits
from tobari.enclave.workers.server import MAX_RUNNING, Done, Failed, Progress, WorkerServer


class JobEvent(NamedTuple):
    """Progress, or the end: a result, or what went wrong (fixed texts and column names, never data)."""

    job: bytes
    progress: tuple[str, float] | None = None
    result: Any = None
    error: ErrorReport | None = None


class _Fetching:
    """A job whose objects are still coming."""

    def __init__(self, job: Job) -> None:
        assert job.work is not None
        self.job = job
        self.work = job.work
        self.files: list[int] = []
        self.chunks = 0
        """Of the object that is coming."""

    @property
    def source(self) -> Source:
        return self.work.sources[len(self.files) - 1]

    @property
    def fraction(self) -> float:
        total = sum(source.object.chunks for source in self.work.sources)
        before = sum(source.object.chunks for source in self.work.sources[: len(self.files) - 1])
        return (before + self.chunks) / total

    def close(self) -> None:
        for descriptor in self.files:
            os.close(descriptor)


class JobRunner:
    """One fetch at a time, and only for a worker that is free."""

    def __init__(self, *, workers: WorkerServer, limits: Limits) -> None:
        self._workers = workers
        self._limits = limits
        self._queue: deque[Job] = deque()
        self._fetching: _Fetching | None = None
        self._fetch = 0
        self._running: dict[int, bytes] = {}
        self._events: list[JobEvent] = []

    def fileno(self) -> int:
        return self._workers.fileno()

    @property
    def is_alive(self) -> bool:
        """False once the worker server is gone: by now there are secrets, so it cannot be started again."""
        return self._workers.is_alive

    def start(self, job: Job) -> list[link.ToHost]:
        """Begin a job; the messages go to the host."""
        self._queue.append(job)
        return self.proceed()

    def cancel(self, job_id: bytes) -> list[link.ToHost]:
        """Give a job up, wherever it is. Its end is not reported: the keeper knows."""
        self._queue = deque(job for job in self._queue if job.id != job_id)
        for number, running in list(self._running.items()):
            if running == job_id:
                del self._running[number]
                self._workers.cancel(number)
        if self._fetching is not None and self._fetching.job.id == job_id:
            self._drop()
            return self.proceed()
        return []

    def receive(self, message: link.ObjectPart | link.ObjectMissing) -> list[link.ToHost]:
        """Take a chunk. What belongs to a job given up is dropped."""
        fetching = self._fetching
        if fetching is None or message.fetch != self._fetch:
            return []
        if isinstance(message, link.ObjectMissing):
            return self._fail(
                NotFound("object.missing", "The host does not have a sealed object of this job: upload it again.")
            )
        expected = fetching.source.object
        left = expected.sealed_size - fetching.chunks * SEALED_CHUNK
        if message.index != fetching.chunks or len(message.data) != min(left, SEALED_CHUNK):
            return self._fail(to_error("object.root"))
        memory.append(fetching.files[-1], message.data)
        fetching.chunks += 1
        self._events.append(JobEvent(fetching.job.id, progress=("fetch", fetching.fraction)))
        if fetching.chunks < expected.chunks:
            return []
        if len(fetching.files) < len(fetching.work.sources):
            return [self._ask(fetching)]
        return self._hand_over(fetching)

    def events(self) -> list[JobEvent]:
        """What happened since the last call; never blocks."""
        events, self._events = self._events, []
        for event in self._workers.events():
            job = self._running.get(event.job)
            if job is None:
                continue
            match event:
                case Progress(phase=phase, fraction=fraction):
                    events.append(JobEvent(job, progress=(phase, fraction)))
                case Done(result=result):
                    del self._running[event.job]
                    events.append(JobEvent(job, result=wire.to_builtins(result)))
                case Failed(error=error):
                    del self._running[event.job]
                    events.append(JobEvent(job, error=_report(error)))
        return events

    def proceed(self) -> list[link.ToHost]:
        """Begin the next fetch, if there is a worker for it: what waits lies at the host, not in memory here."""
        if self._fetching is not None or not self._queue or len(self._running) >= MAX_RUNNING:
            return []
        self._fetching = _Fetching(self._queue.popleft())
        return [self._ask(self._fetching)]

    def _ask(self, fetching: _Fetching) -> link.FetchObject:
        self._fetch += 1
        fetching.files.append(memory.create())
        fetching.chunks = 0
        wanted = fetching.source.object
        return link.FetchObject(fetch=self._fetch, root=wanted.root, first=0, count=wanted.chunks)

    def _hand_over(self, fetching: _Fetching) -> list[link.ToHost]:
        self._fetching = None
        try:
            number = self._workers.submit(fetching.work, fetching.files, limits=self._limits)
            self._running[number] = fetching.job.id
        except TobariError as error:
            fetching.close()
            self._events.append(JobEvent(fetching.job.id, error=_report(error)))
        return self.proceed()

    def _fail(self, error: TobariError) -> list[link.ToHost]:
        assert self._fetching is not None
        self._events.append(JobEvent(self._fetching.job.id, error=_report(error)))
        self._drop()
        return self.proceed()

    def _drop(self) -> None:
        assert self._fetching is not None
        self._fetching.close()
        self._fetching = None


def _report(error: TobariError) -> ErrorReport:
    return ErrorReport(status=error.status, code=error.code, message=error.message)
