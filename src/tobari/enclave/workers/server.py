"""The keeper's side of the workers: fork their server at boot, submit work, take events.

It never blocks between `start` and `close`: the keeper watches `fileno()` and takes `events()`. Two jobs run at once;
the others wait here, with their keys. A result is read only after its writer is gone (`answer`).

Importing this loads neither pyarrow nor duckdb: only the forked server does (`supervisor`).
"""

from __future__ import annotations

import dataclasses
import gc
import os
import pathlib
import signal
import socket
import traceback
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NoReturn

from tobari.base import wire
from tobari.base.errors import Broken, Limited, TobariError, TooLarge, Unavailable
from tobari.enclave import guards
from tobari.enclave.runtime.job import Work
from tobari.enclave.workers import answer, jail, memory
from tobari.enclave.workers.channel import Channel
from tobari.enclave.workers.failures import to_error
from tobari.enclave.workers.job import MAX_OBJECTS, Assignment, Inspection, Limits, Rows
from tobari.enclave.workers.report import Cancel, Ended, Moved, PhaseName, Ready, Start, ToKeeper, Verdict

MAX_RUNNING = 2
MAX_WAITING = 64

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""With these the libraries start no thread when they load, so that the server may fork and Landlock binds all of it."""


@dataclasses.dataclass(frozen=True)
class Progress:
    job: int
    phase: PhaseName
    fraction: float
    """Of the objects, in the phases open and parse: 0 to 1."""


@dataclasses.dataclass(frozen=True)
class Done:
    job: int
    result: Rows | Inspection


@dataclasses.dataclass(frozen=True)
class Failed:
    job: int
    error: TobariError


Event = Progress | Done | Failed


@dataclasses.dataclass(frozen=True, repr=False)
class _Submitted:
    work: Work
    limits: Limits
    objects: tuple[int, ...]


class WorkerServer:
    """A job is waiting, running (it has a result file), or over and forgotten."""

    def __init__(self, channel: Channel, *, pid: int, found: Sequence[str]) -> None:
        self.guards = tuple(found)
        """What a worker found in force around itself at boot, sorted: the evidence states them."""
        self._channel = channel
        self._pid = pid
        self._jobs: dict[int, _Submitted] = {}
        self._waiting: deque[int] = deque()
        self._results: dict[int, int] = {}
        self._next = 1
        self._is_alive = True

    @classmethod
    def start(cls) -> WorkerServer:
        """Fork the worker server and wait until it is ready (half a second: it loads pyarrow and duckdb).

        Call it at boot, before any secret exists: what the process knows now, the server and its workers inherit.

        Raises:
            Broken: `worker.start`; there are threads already, or the server failed to load its libraries.
        """
        if len(list(pathlib.Path("/proc/self/task").iterdir())) != 1:
            raise Broken("worker.start", "The worker server must be forked before the first thread is started.")
        ours, theirs = Channel.pair()
        keeper = os.getpid()
        pid = os.fork()
        if pid == 0:
            _serve(theirs, keeper=keeper)
        channel = Channel(ours)
        theirs.close()
        try:
            received = channel.receive(ToKeeper, wait=True)
        except EOFError:
            channel.close()
            os.waitpid(pid, 0)
            raise Broken("worker.start", "The worker server did not start: its own message stands above.") from None
        assert received is not None
        assert isinstance(received[0], Ready)
        return cls(channel, pid=pid, found=received[0].guards)

    def fileno(self) -> int:
        """Readable when `events` has something."""
        return self._channel.fileno()

    @property
    def is_alive(self) -> bool:
        """False once the server is gone: it cannot be forked again, since by now there are secrets."""
        return self._is_alive

    def submit(self, work: Work, objects: Sequence[int], *, limits: Limits) -> int:
        """Queue a job and return its number.

        `objects`: for each source of the work a memory file with its sealed chunks, in order, one after the other.
        Once this returns they belong to this class, and nobody can write them any more.

        Raises:
            Limited: `worker.busy`. TooLarge: `worker.objects`. Unavailable: `worker.gone`.
        """
        if not self._is_alive:
            raise Unavailable("worker.gone", "The worker server has ended: the operator must restart the service.")
        if len(self._waiting) >= MAX_WAITING:
            raise Limited("worker.busy", "Too many computations are waiting: try again when some are done.")
        if len(objects) > MAX_OBJECTS:
            raise TooLarge("worker.objects", f"A computation reads at most {MAX_OBJECTS} objects: make fewer, larger.")
        if len(objects) != len(work.sources):
            raise ValueError("one memory file for each source")
        for descriptor in objects:
            memory.freeze(descriptor)
        job = self._next
        self._next += 1
        self._jobs[job] = _Submitted(work, limits, tuple(objects))
        self._waiting.append(job)
        self._dispatch()
        return job

    def cancel(self, job: int) -> None:
        """Give up a job; its event is `worker.cancelled`, unless it is over already."""
        if job not in self._jobs:
            return
        if job in self._waiting:
            self._waiting.remove(job)
            _close(self._jobs[job].objects)
        self._tell(Cancel(job=job))

    def events(self) -> list[Event]:
        """All that happened since the last call."""
        events: list[Event] = []
        try:
            self._channel.flush()
            while (received := self._channel.receive(ToKeeper)) is not None:
                events += self._take(received[0])
        except (EOFError, OSError):
            self._is_alive = False
        if self._is_alive:
            self._dispatch()
            return events
        for job in self._waiting:
            _close(self._jobs[job].objects)
        self._waiting.clear()
        return events + [self._finish(job, Verdict(code="worker.died")) for job in sorted(self._jobs)]

    def close(self) -> None:
        """End the server and every worker, and wait until they are gone; jobs that are not over get no event."""
        self._is_alive = False
        self._channel.close()
        os.waitpid(self._pid, 0)
        for job in self._waiting:
            _close(self._jobs[job].objects)
        _close(self._results.values())

    def _dispatch(self) -> None:
        """Start what may run now."""
        while self._waiting and len(self._results) < MAX_RUNNING:
            job = self._waiting.popleft()
            submitted = self._jobs[job]
            limits = submitted.limits
            task = Assignment(work=submitted.work, limits=limits, guards=list(self.guards))
            self._results[job] = memory.create()
            self._tell(
                Start(job=job, seconds=limits.seconds, memory=limits.memory, result_bytes=limits.result_bytes),
                [memory.holding(wire.to_cbor(task)), os.dup(self._results[job]), *submitted.objects],
            )

    def _tell(self, message: Start | Cancel, descriptors: Sequence[int] = ()) -> None:
        try:
            self._channel.send(message, descriptors)
        except OSError:  # the server is gone, which `events` finds out and reports
            return

    def _take(self, message: Ready | Moved | Ended) -> list[Event]:
        if isinstance(message, Ready) or message.job not in self._jobs:  # cancelled when it was already over
            return []
        if isinstance(message, Moved):
            return [Progress(message.job, message.phase, message.fraction)]
        return [self._finish(message.job, message.verdict)]

    def _finish(self, job: int, verdict: Verdict) -> Event:
        submitted = self._jobs.pop(job)
        result = self._results.pop(job, None)
        if result is None:  # it never ran
            return Failed(job, to_error(verdict.code or "worker.died"))
        try:
            return Done(job, answer.take(submitted.work, submitted.limits, verdict, result))
        except TobariError as error:
            return Failed(job, error)
        finally:
            os.close(result)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _serve(end: socket.socket, *, keeper: int) -> NoReturn:
    """What the forked process does until the keeper is gone."""
    try:
        gc.freeze()  # what was inherited is never collected: its descriptors have new owners now
        jail.die_with(keeper)
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):  # meant for the keeper, which stops the server in its turn
            signal.signal(number, signal.SIG_IGN)
        jail.close_descriptors({end.fileno()})
        jail.silence(0, 1)
        jail.wipe_environment()
        os.environ.update(_ONE_THREAD)
        from tobari.enclave.workers.supervisor import Supervisor

        guards.refuse_dumps()
        guards.refuse_new_privileges()
        guards.drop_capabilities()
        jail.silence(2)
        Supervisor(Channel(end)).run()
    except BaseException:  # noqa: BLE001 - it ends here in any case
        traceback.print_exc()
    finally:
        os._exit(0)
