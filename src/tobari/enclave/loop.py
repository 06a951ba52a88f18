"""The rim of the enclave: one stream to the host, the worker server, a clock. Decides nothing."""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import time

from tobari.base.errors import TobariError
from tobari.base.messages import link
from tobari.enclave.jobs import JobRunner
from tobari.enclave.keeper import CancelJob, Keeper, Output, StartJob

READ = 1 << 18


def now() -> int:
    """The host's clock, in milliseconds: believed only as log time is."""
    return time.time_ns() // 1_000_000


def run(stream: socket.socket, *, keeper: Keeper, jobs: JobRunner) -> int:
    """Serve until the host says Stop or goes away. Returns the process's exit code."""
    try:
        return _serve(stream, keeper, jobs)
    # A fault of our own: the host is told, and the reason stays free of data.
    except Exception as error:  # noqa: BLE001
        print(f"enclave.fault {type(error).__name__}", file=sys.stderr)
        fault = link.Halt(code="enclave.fault", message="The enclave met a fault of its own and stopped.")
        with contextlib.suppress(OSError):
            stream.sendall(link.encode(fault))
        return 1


def _serve(stream: socket.socket, keeper: Keeper, jobs: JobRunner) -> int:
    reader = link.FrameReader(link.ToEnclave)
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        selector.register(jobs, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is jobs:
                    ended = _send(stream, _worker_events(jobs, keeper), jobs)
                else:
                    data = stream.recv(READ)
                    if not data:
                        return 1  # the host is gone: what it did not acknowledge never happened
                    ended = _host_messages(stream, reader, data, keeper, jobs)
                if ended is not None:
                    return ended


def _host_messages(
    stream: socket.socket, reader: link.FrameReader, data: bytes, keeper: Keeper, jobs: JobRunner
) -> int | None:
    try:
        messages = reader.feed(data)
    except TobariError as error:
        return _send(stream, [link.Halt(code=error.code, message=error.message)], jobs)
    for message in messages:
        if isinstance(message, link.ObjectPart | link.ObjectMissing):
            output: list[Output] = list(jobs.receive(message))
            output += _worker_events(jobs, keeper)
        else:
            output = keeper.receive(message, now=now())
        ended = _send(stream, output, jobs)
        if ended is not None:
            return ended
    return None


def _worker_events(jobs: JobRunner, keeper: Keeper) -> list[Output]:
    events = jobs.events()
    if not jobs.is_alive:
        # No entry says that its jobs failed: they did nothing wrong, and the next boot does them again.
        return [link.Halt(code="worker.gone", message="The worker server has ended: restart.")]
    output: list[Output] = []
    for event in events:
        if event.progress is not None:
            keeper.progress(event.job, *event.progress)
        else:
            output += keeper.job_ended(event.job, result=event.result, error=event.error, now=now())
    return [*output, *jobs.proceed()]


def _send(stream: socket.socket, output: list[Output], jobs: JobRunner) -> int | None:
    """Carry out what was decided; the exit code if that was the end."""
    for item in output:
        match item:
            case StartJob(job):
                ended = _send(stream, list(jobs.start(job)), jobs)
                if ended is not None:
                    return ended
            case CancelJob(job_id):
                ended = _send(stream, list(jobs.cancel(job_id)), jobs)
                if ended is not None:
                    return ended
            case _:
                stream.sendall(link.encode(item))
                if isinstance(item, link.Halt | link.Stopped):
                    return 0 if isinstance(item, link.Stopped) else 1
    return None
