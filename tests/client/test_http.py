"""The drivers: bounded in bytes and time, and sending each request once. Real sockets where sockets matter."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tobari.base.errors import TobariError
from tobari.client.flow import Request, Response, blocking, exchange, exclusive, pause
from tobari.client.http import AsyncDriver, Driver

GOOD = b"HTTP/1.1 200 OK\r\ncontent-type: Text/Plain; charset=utf-8\r\ncontent-length: 4\r\n\r\ngood"


class Server:
    """Accepts connections and does with each what it is told."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._serve = serve
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                with connection, contextlib.suppress(OSError):
                    self._serve(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def answer(data: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(data)

    return serve


def drip(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.01)


def silent(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.recv(1)


@pytest.fixture
def served() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    servers: list[Server] = []

    def serve(what: Callable[[socket.socket], None]) -> Server:
        servers.append(Server(what))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


def get(url: str, face: str, **given) -> Response:
    request = Request(**{"method": "GET", "path": "/x", "max_bytes": 100, "seconds": 2.0, **given})
    if face == "blocking":
        with Driver(url) as driver:
            return driver.run(exchange(request))

    async def run() -> Response:
        async with AsyncDriver(url) as driver:
            return await driver.run(exchange(request))

    return asyncio.run(run())


faces = pytest.mark.parametrize("face", ["blocking", "asynchronous"])
CASES = {
    "good": (GOOD, None),
    "closed-at-once": (b"", "client.lost"),
    "closed-in-the-head": (GOOD[:30], "client.lost"),
    "closed-in-the-body": (GOOD[:-1], "client.lost"),
    "no-http": (b"\x15\x03\x01\x00\x02\x02\x46", "client.lost"),
    "longer-than-asked": (GOOD.replace(b"length: 4", b"length: 101") + b"x" * 97, "client.response_too_large"),
    "endless": (GOOD.replace(b"content-length: 4", b"x: y") + b"x" * 200_000, "client.response_too_large"),
    "gzip": (GOOD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"), "client.http"),
    "redirect": (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", "client.http"),
    "head-too-long": (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, "client.lost"),
}


@faces
@pytest.mark.parametrize(("data", "code"), CASES.values(), ids=CASES)
def test_what_a_server_sends(served, face, data, code):
    server = served(answer(data))
    if code is None:
        assert get(server.url, face) == Response(status=200, media_type="text/plain", body=b"good")
    else:
        with pytest.raises(TobariError) as caught:
            get(server.url, face)
        assert caught.value.code == code
    assert server.connections == 1, "no request is sent again by itself"


@faces
@pytest.mark.parametrize("serve", [drip, silent], ids=["drip", "silent"])
def test_no_server_holds_a_client_for_ever(served, face, serve, monkeypatch):
    monkeypatch.setattr("tobari.client.http.TIMEOUT", httpx2.Timeout(0.3))
    server = served(serve)
    began = time.monotonic()
    with pytest.raises(TobariError) as caught:
        get(server.url, face, seconds=0.3, max_bytes=1 << 20)
    assert caught.value.code == "client.lost"
    assert time.monotonic() - began < 1.5


@faces
def test_nobody_listens(face):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(TobariError) as caught:
        get(f"http://127.0.0.1:{port}", face)
    assert caught.value.code == "client.unreachable"


@faces
def test_the_environment_names_no_proxy(served, face, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert get(served(answer(GOOD)).url, face).body == b"good"


@faces
def test_a_body_goes_out_in_pieces(served, face):
    got = bytearray()

    def serve(connection: socket.socket) -> None:
        while not got.endswith(b"last"):
            got.extend(connection.recv(1 << 16))
        connection.sendall(GOOD)

    pieces = [b"first", b"", b"middle" * 50_000, b"last"]
    length = str(sum(map(len, pieces)))
    server = served(serve)
    response = get(server.url, face, method="PUT", headers={"content-length": length}, pieces=lambda: iter(pieces))
    assert response.status == 200
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    assert body == b"".join(pieces)
    assert f"content-length: {length}".encode() in head.lower()
    assert b"transfer-encoding" not in head.lower()


@faces
def test_a_sink_takes_good_bodies_only(served, face):
    taken = bytearray()
    assert get(served(answer(GOOD)).url, face, sink=taken.extend).body == b""
    assert taken == b"good"
    refused = served(answer(GOOD.replace(b"200 OK", b"404 Not Found")))
    assert get(refused.url, face, sink=taken.extend).body == b"good"
    assert taken == b"good"


def test_what_goes_wrong_is_thrown_into_the_flow():
    def flow():
        yield from pause(0.0)
        with pytest.raises(ZeroDivisionError):
            yield from blocking(lambda: 1 // 0)
        with pytest.raises(TobariError):
            yield from exchange(Request(method="GET", path="/", max_bytes=1))
        return (yield from blocking(lambda: 7))

    with Driver("http://127.0.0.1:1") as driver:
        assert driver.run(flow()) == 7

    async def run() -> int:
        async with AsyncDriver("http://127.0.0.1:1") as driver:
            return await driver.run(flow())

    assert asyncio.run(run()) == 7


def test_a_cancelled_task_ends_its_exchange():
    class Slow(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await asyncio.sleep(30)
            raise AssertionError

    async def run() -> None:
        async with AsyncDriver("http://x.test", transport=Slow()) as driver:
            task = asyncio.create_task(driver.run(exchange(Request(method="GET", path="/", max_bytes=1))))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())


def test_exclusive_flows_run_one_after_the_other():
    running: list[str] = []

    def inner(name: str):
        running.append(name)
        yield from pause(0.001)
        assert running[-1] == name
        return name

    def outer(name: str):
        return (yield from exclusive(inner(name)))

    async def run() -> None:
        async with AsyncDriver("http://x.test") as driver:
            assert await asyncio.gather(*(driver.run(outer(name)) for name in "abcdef")) == list("abcdef")

    asyncio.run(run())
    with Driver("http://x.test") as driver, concurrent.futures.ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda name: driver.run(outer(name)), "abcdef")) == list("abcdef")
    assert len(running) == 12
