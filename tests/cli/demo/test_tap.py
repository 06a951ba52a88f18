"""The tap relays faithfully, keeps both directions, and ends when it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tobari.cli.demo.tap import Tap


@contextlib.contextmanager
def _echo() -> Iterator[int]:
    """A server that sends everything back, twice."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        while data := connection.recv(1 << 16):
                            connection.sendall(data + data)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _connect(tap: Tap) -> socket.socket:
    address = urlsplit(tap.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=5)


def _received(connection: socket.socket) -> bytes:
    received = b""
    while data := connection.recv(1 << 16):
        received += data
    return received


def test_both_directions_pass_and_are_kept(tmp_path: Path) -> None:
    with _echo() as port, Tap(tmp_path / "wire") as tap:
        tap.relay_to("127.0.0.1", port)
        for text in (b"one", b"two" * 50_000):
            with _connect(tap) as connection:
                connection.sendall(text)
                connection.shutdown(socket.SHUT_WR)
                assert len(_received(connection)) == 2 * len(text)
        kept = {path.name: path.read_bytes() for path in (tmp_path / "wire").iterdir()}
    assert kept["0001-from-client"] == b"one"
    assert kept["0001-from-service"] == b"oneone"
    assert len(kept["0002-from-service"]) == 300_000


def test_nothing_behind_it_is_a_closed_connection(tmp_path: Path) -> None:
    with Tap(tmp_path) as tap, _connect(tap) as connection:
        assert _received(connection) == b""


def test_an_open_connection_ends_with_the_tap(tmp_path: Path) -> None:
    with _echo() as port:
        with Tap(tmp_path) as tap:
            tap.relay_to("127.0.0.1", port)
            connection = _connect(tap)
            connection.sendall(b"x")
            assert connection.recv(2)
        with connection:
            assert _received(connection) == b""
