"""A tap on the wire, in the operator's place: relays TCP to the service and keeps every byte of both directions.

Each direction of each connection is one file, so that what was sent in one piece lies in one piece.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_PIECE = 1 << 16
_REQUEST = re.compile(rb"^([A-Z]+) (/[^ ?\r\n]*)[^ \r\n]* HTTP/1\.1\r$", re.MULTILINE)


class Tap:
    """Listens on a free port of 127.0.0.1 while used by `with`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._upstream: tuple[str, int] | None = None
        self._numbers = itertools.count(1)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def relay_to(self, host: str, port: int) -> None:
        """Where connections from now on go."""
        self._upstream = (host, port)

    def requests(self) -> list[str]:
        """Method and path, without its query, of every request recorded so far, by connection."""
        found = []
        for path in sorted(self._folder.glob("*-from-client")):
            found += [_named(match) for match in _REQUEST.finditer(path.read_bytes())]
        return found

    def __enter__(self) -> Tap:
        self._folder.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client, next(self._numbers)), daemon=True).start()

    def _connect(self, client: socket.socket, number: int) -> None:
        with client:
            try:
                if self._upstream is None:
                    return
                service = socket.create_connection(self._upstream, timeout=10)
            except OSError:
                return
            service.settimeout(None)
            with service, self._held(client, service):
                to_client = (service, client, self._folder / f"{number:04d}-from-service")
                back = threading.Thread(target=_pump, args=to_client, daemon=True)
                back.start()
                _pump(client, service, self._folder / f"{number:04d}-from-client")
                back.join()

    @contextlib.contextmanager
    def _held(self, *sockets: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.update(sockets)
        try:
            yield
        finally:
            with self._lock:
                self._open.difference_update(sockets)


def _pump(source: socket.socket, target: socket.socket, record: Path) -> None:
    """Copy until the source ends, then say so to the target."""
    with record.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            file.write(data)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _named(request: re.Match[bytes]) -> str:
    method, path = request.groups()
    return f"{method.decode()} {path.decode()}"
