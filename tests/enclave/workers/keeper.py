"""A stand-in for the keeper in an interpreter of its own: `python -m tests.enclave.workers.keeper`.

The test runner has threads, and what forks must not. It takes calls as pickles on stdin and answers on stdout; both
ends are this test suite.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import pickle
import selectors
import signal
import struct
import subprocess
import sys
import time
from typing import Any

from tobari.base.errors import TobariError
from tobari.enclave.runtime.job import Work
from tobari.enclave.workers import memory
from tobari.enclave.workers.job import Limits
from tobari.enclave.workers.server import Failed, Progress, WorkerServer

ROOT = pathlib.Path(__file__).resolve().parents[3]


@dataclasses.dataclass(frozen=True)
class Error:
    kind: str
    code: str
    message: str


class Keeper:
    """The far end, seen from a test. Every call runs in the other process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.enclave.workers.keeper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "TOBARI_CANARY": "sings"},
        )

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            send(self.process.stdin, (name, args, named))
            return receive(self.process.stdout)

        return call

    def stop(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.process.stdout.close()


class Calls:
    """What the tests may ask of the stand-in."""

    def __init__(self) -> None:
        self.server = WorkerServer.start()
        self.events: list[Any] = []

    def guards(self) -> tuple[str, ...]:
        return self.server.guards

    def demand(self, *guards: str) -> None:
        self.server.guards = guards

    def submit(self, work: Work, objects: list[list[bytes]], *, limits: Limits) -> int:
        descriptors = []
        for chunks in objects:
            descriptors.append(memory.create())
            memory.append(descriptors[-1], b"".join(chunks))
        return self.server.submit(work, descriptors, limits=limits)

    def cancel(self, job: int) -> None:
        self.server.cancel(job)

    def wait_for(self, job: int) -> list[Any]:
        """All events of one job, up to its end."""
        return self._wait(job, lambda event: not isinstance(event, Progress))

    def wait_until_it_computes(self, job: int) -> None:
        self._wait(job, lambda event: True)
        time.sleep(0.1)

    def descriptors(self) -> int:
        return len(os.listdir("/proc/self/fd"))

    def workers(self) -> list[int]:
        """Process ids of the workers that run now."""
        return children(self.server._pid)

    def server_pid(self) -> int:
        return self.server._pid

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        os.kill(pid, number)

    def is_alive(self) -> bool:
        self.events += self.server.events()
        return self.server.is_alive

    def _wait(self, job: int, is_it: Any) -> list[Any]:
        deadline = time.monotonic() + 30
        with selectors.DefaultSelector() as selector:
            selector.register(self.server, selectors.EVENT_READ)
            while True:
                mine = [event for event in self.events if event.job == job]
                if any(is_it(event) for event in mine):
                    self.events = [event for event in self.events if event.job != job]
                    return [without_exception(event) for event in mine]
                assert time.monotonic() < deadline
                selector.select(1)
                self.events += self.server.events()


def children(pid: int) -> list[int]:
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(path.parent.name))
    return found


def without_exception(event: Any) -> Any:
    if not isinstance(event, Failed):
        return event
    error = event.error
    return Failed(event.job, Error(type(error).__name__, error.code, error.message))


def send(stream: Any, value: Any) -> None:
    data = pickle.dumps(value)
    stream.write(struct.pack("!I", len(data)) + data)
    stream.flush()


def receive(stream: Any) -> Any:
    header = stream.read(4)
    if not header:
        raise EOFError
    value = pickle.loads(stream.read(struct.unpack("!I", header)[0]))
    if isinstance(value, BaseException):
        raise value
    return value


def main() -> None:
    calls = Calls()
    inward, outward = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            name, args, named = receive(inward)
        except EOFError:
            calls.server.close()
            return
        try:
            send(outward, getattr(calls, name)(*args, **named))
        except TobariError as error:
            send(outward, Error(type(error).__name__, error.code, error.message))
        except Exception as error:
            send(outward, RuntimeError(repr(error)))


if __name__ == "__main__":
    from tests.enclave.workers import keeper  # by its name, so that pickles name it too

    keeper.main()
