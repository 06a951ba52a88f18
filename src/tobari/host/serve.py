"""Running a host: everything is opened, joined, and taken down again in the right order.

Start: lock, store, listening socket, enclave process, HTTP; the ledger can be read while the enclave boots, calls are
taken from its Ready on. Stop (SIGTERM, SIGINT): accept no more, finish what is in progress, Stop to the enclave, wait
for Stopped, write the last checkpoint.

Exit codes: 0 after a clean stop; 1 when the enclave halted, ended or broke the link's rules, when the disk refused, or
when the stop took too long. It never restarts the enclave by itself: a supervisor does that by starting the host
again, which is the only way anything is recovered.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import uvloop

from tobari.base.errors import TobariError
from tobari.base.messages.link import Ready
from tobari.host.config import HostConfig
from tobari.host.datadir import DataDirectory
from tobari.host.http import build_app
from tobari.host.http_server import Server, allow_connections, bind, stop_signals, url_of
from tobari.host.journal import Journal
from tobari.host.link import Link, end_enclave, start_enclave
from tobari.host.metrics import Metered, Metrics, metrics_app
from tobari.host.objects import ObjectStore
from tobari.host.published import PublishedLog
from tobari.host.reader import LogReader
from tobari.host.relay import EnclaveGone, EnclaveHalted, Relay

_log = logging.getLogger("tobari.host")

_HEADERS_READ = 8192
"""Leaf headers read at a time at the start."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What `serve` tells its caller when calls are taken."""

    url: str
    origin: str
    vkey: str
    tree_size: int
    metrics_url: str | None = None
    """Where Prometheus finds the metrics; on loopback."""


def serve(config: HostConfig, on_ready: Callable[[Serving], None] = lambda _: None) -> int:
    """Serve until SIGTERM or SIGINT, or until the enclave ends; the exit code.

    Raises:
        Conflict: `host.locked`; `host.address`, the address cannot be bound.
        Refused, NotFound, Unavailable: see `start_enclave`.
        Malformed, Broken: see `LogStore`; `host.checkpoint`, the kept checkpoint is not one of the kept log.
    """
    allow_connections(config.limits)
    # Looking for cycles as often as Python does of itself costs a call a tenth; what it leaves is freed without that.
    gc.set_threshold(50_000, 50, 100)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(config, on_ready))


async def _serve(config: HostConfig, on_ready: Callable[[Serving], None]) -> int:
    async with contextlib.AsyncExitStack() as open_things:
        directory = open_things.enter_context(DataDirectory(config.data))
        metrics = Metrics()
        journal = await Journal.open(directory.log, appended=metrics.appended)
        open_things.push_async_callback(journal.close)
        reader = LogReader(directory.log)
        open_things.push_async_callback(reader.close)
        log = await _load(journal, reader)
        objects = await asyncio.to_thread(ObjectStore, directory.objects, config.limits)
        listener = open_things.enter_context(bind(config.address, config.port))
        metrics_url = await open_things.enter_async_context(_metrics_server(metrics, config))
        process, link = await start_enclave(config, directory)
        open_things.push_async_callback(end_enclave, process)
        open_things.callback(link.close)

        def announce(ready: Ready) -> None:
            url = url_of(listener)
            counts = {"log_size": ready.tree_size, "object_bytes": objects.used}
            _log.info("host.ready: %s at %s", ready.origin, url, extra={"counts": counts})
            on_ready(
                Serving(
                    url=url,
                    origin=ready.origin,
                    vkey=ready.vkey,
                    tree_size=ready.tree_size,
                    metrics_url=metrics_url,
                )
            )

        relay = Relay(
            to_enclave=link,
            journal=journal,
            reader=reader,
            objects=objects,
            log=log,
            limits=config.limits,
            on_ready=announce,
        )
        metrics.watch(relay=relay, log=log, objects=objects, log_file=directory.log)
        app = build_app(relay=relay, log=log, reader=reader, objects=objects, limits=config.limits)
        life = asyncio.create_task(relay.run(config.genesis))
        watch = asyncio.create_task(_hang_up_after(process, link))
        try:
            await _until_over(Server(Metered(app, metrics), config.limits), listener, life)
            code = await _take_down(relay, life, config.limits.stop_seconds)
            _log.info("host.stopped: exit code %d", code, extra={"counts": {"log_size": log.tree.size}})
            return code
        finally:
            for task in (life, watch):
                task.cancel()
            await asyncio.wait({life, watch})


@contextlib.asynccontextmanager
async def _metrics_server(metrics: Metrics, config: HostConfig) -> AsyncIterator[str | None]:
    """Serves the metrics, if they are wanted, and says where."""
    if config.metrics_port is None:
        yield None
        return
    with bind("127.0.0.1", config.metrics_port) as listener:
        server = Server(metrics_app(metrics), config.limits)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            await serving


async def _load(journal: Journal, reader: LogReader) -> PublishedLog:
    """The tree over the stored headers, and the checkpoint that was published last, if it was kept."""
    kept = await journal.kept()
    log = PublishedLog()
    for first in range(0, kept.log_size, _HEADERS_READ):
        log.extend(await reader.headers(first, min(_HEADERS_READ, kept.log_size - first)))
    if kept.checkpoint is not None:
        log.publish(kept.checkpoint)
    return log


async def _until_over(server: Server, listener: socket.socket, life: asyncio.Task[None]) -> None:
    """Serve HTTP until a signal comes or the enclave's life ends, then finish the requests in progress."""
    with stop_signals() as stopped:
        http = asyncio.create_task(server.serve(sockets=[listener]))
        stop = asyncio.create_task(stopped.wait())
        await asyncio.wait({http, stop, life}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        server.should_exit = True
        await http


async def _take_down(relay: Relay, life: asyncio.Task[None], seconds: float) -> int:
    """Stop the enclave, unless it ended by itself, and say how it went."""
    if not life.done() and relay.ready is None:
        # Still booting: it has taken no call, and all it had us keep is kept.
        return 0
    if not life.done():
        relay.stop()
    try:
        async with asyncio.timeout(seconds):
            await life
    except EnclaveHalted as halted:
        _log.error("host.halted: the enclave refuses to go on: %s [%s]", halted.message, halted.code)
    except EnclaveGone:
        _log.error("host.enclave_gone: the enclave process ended by itself; start the host again")
    except TobariError as error:
        _log.error("%s: %s", error.code, error.message)
    except TimeoutError:
        _log.error("host.stop: the enclave did not stop within %.0f seconds and was ended", seconds)
    else:
        return 0
    return 1


async def _hang_up_after(process: Process, link: Link) -> None:
    await process.wait()
    link.hang_up()
