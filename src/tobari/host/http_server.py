"""Serving an ASGI application on one socket under this house's bounds, and stopping when the process is told to.

uvicorn, without what would speak in our name: no logs of requests, no trust in forwarded addresses, no server header.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import socket
import threading
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from tobari.base.errors import Conflict
from tobari.host.config import Limits
from tobari.host.connection import bounded

_OWN_DESCRIPTORS = 512
"""Files and sockets of the process itself, and connections that are being cut."""


def allow_connections(limits: Limits) -> None:
    """Raise the process's own limit of descriptors, as far as it may, to what the connections need.

    Many systems begin with 1024. A process at that limit accepts nobody for a second each time, and opens no file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + _OWN_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Server(uvicorn.Server):
    """uvicorn's server, without its signal handlers: a signal is for the whole process."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=bounded(limits),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                # Whoever is connected is the client: nobody may speak for other addresses.
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=int(limits.stop_seconds),
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set."""
    event = asyncio.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, event.set)
    try:
        yield event
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def bind(address: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        Conflict: `host.address`.
    """
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((address, port), family=family, backlog=512)
        # Inherited by each connection. asyncio would set it itself only on sockets made with an explicit IPPROTO_TCP;
        # without it every answer, sent as head and body, waits 40 ms for the client's delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise Conflict("host.address", f"The address {address} port {port} cannot be used: {error.strerror}.") from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
