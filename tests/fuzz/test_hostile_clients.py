"""Clients that are slow, idle, many, or never read, against a real node: it keeps its memory and answers the others.

The numbers here fit `make test`; `make fuzz` runs the same with those of TOBARI_FUZZ_SCALE: 10,000 idle connections.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.fuzz.node import Node, node, watched
from tests.host.test_objects import root_of
from tobari.base.messages.command import MAX_ENVELOPE
from tobari.base.messages.objects import SEALED_CHUNK

SCALE = int(os.environ.get("TOBARI_FUZZ_SCALE", "1"))
"""7 makes 10,000 connections of 1,500, and minutes of seconds."""
MIB = 1 << 20
SECONDS = 3.0 * SCALE
CALL = b"POST /v1/call HTTP/1.1\r\nhost: h\r\ncontent-type: application/vnd.tobari.envelope\r\n"


@pytest.fixture(autouse=True)
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1500 * SCALE + 1000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine gives a process {hard} descriptors, and the test needs {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(it: Node, *, buffer: int | None = None) -> socket.socket:
    sock = socket.socket()
    if buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.settimeout(10)
    sock.connect(("127.0.0.1", it.port))
    return sock


@contextlib.contextmanager
def connections(it: Node, count: int, *, buffer: int | None = None) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(it, buffer=buffer)) for _ in range(count)]


def trickle(sockets: list[socket.socket], pieces: Callable[[int], bytes], *, pause: float) -> None:
    """Send a little over every connection, again and again, until the time is over."""
    end, turn = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.send(pieces(turn))
        turn += 1
        time.sleep(pause)


def test_idle_connections(tmp_path: pathlib.Path) -> None:
    with node(tmp_path) as it, watched(it, slowest=5, most=64 * MIB), connections(it, 1500 * SCALE):
        time.sleep(SECONDS)


def test_heads_and_bodies_of_a_byte_at_a_time(tmp_path: pathlib.Path) -> None:
    heads = b"GET /healthz HTTP/1.1\r\nhost: h\r\nx: " + b"x" * 1000
    with (
        node(tmp_path) as it,
        watched(it, slowest=5, most=64 * MIB),
        connections(it, 300) as slow_heads,
        connections(it, 300) as slow_bodies,
    ):
        for sock in slow_bodies:
            sock.sendall(CALL + b"content-length: 1000\r\n\r\n")
        both = [(slow_heads, lambda turn: heads[turn : turn + 1]), (slow_bodies, lambda _: b"x")]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: trickle(one[0], one[1], pause=0.2), both))


def test_large_bodies_that_never_end(tmp_path: pathlib.Path) -> None:
    """Each holds what has come of its envelope, so many of them must not hold much together."""
    body = bytes(MAX_ENVELOPE - 1)
    with node(tmp_path) as it, watched(it, slowest=5, most=300 * MIB), connections(it, 300) as sockets:

        def send(sock: socket.socket) -> None:
            with contextlib.suppress(OSError):
                sock.sendall(CALL + b"content-length: %d\r\n\r\n" % MAX_ENVELOPE + body)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, sockets))
        time.sleep(SECONDS)


def test_responses_that_nobody_reads(tmp_path: pathlib.Path) -> None:
    chunks = [bytes([number]) * SEALED_CHUNK for number in range(32)]
    name = root_of(chunks).hex()
    with node(tmp_path) as it:
        with httpx2.Client(base_url=it.url) as client:
            assert client.put(f"/v1/objects/{name}", content=b"".join(chunks)).status_code == 201
        with watched(it, slowest=5, most=96 * MIB), connections(it, 200, buffer=4096) as sockets:
            for sock in sockets:
                sock.sendall(b"GET /v1/objects/%s HTTP/1.1\r\nhost: h\r\n\r\n" % name.encode())
            time.sleep(SECONDS)


def test_requests_sent_ahead_and_answers_never_read(tmp_path: pathlib.Path) -> None:
    requests = b"GET /v1/openapi.json HTTP/1.1\r\nhost: h\r\n\r\n" * 12
    with node(tmp_path) as it, watched(it, slowest=5, most=96 * MIB), connections(it, 200, buffer=4096) as sockets:
        trickle(sockets, lambda _: requests, pause=0.1)


def test_floods_of_what_is_no_body(tmp_path: pathlib.Path) -> None:
    """Header fields, trailers, extensions: what comes before, between and behind the bytes that are counted."""
    starts = {
        "fields": (CALL, b"a:\r\n" * 1000),
        "one field": (CALL + b"x:", b"x" * 4000),
        "trailer": (CALL + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 600),
        "extension": (CALL + b"transfer-encoding: chunked\r\n\r\n1;", b"x" * 4000),
        "empty lines": (b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n", b"\r\n" * 2000),
        "target": (b"GET /", b"a" * 4000),
    }
    with node(tmp_path) as it, watched(it, slowest=5, most=64 * MIB):
        end = time.monotonic() + SECONDS

        def flood(start: bytes, endless: bytes) -> None:
            while time.monotonic() < end:
                with contextlib.suppress(OSError), connect(it) as sock:
                    sock.sendall(start)
                    while time.monotonic() < end:
                        sock.sendall(endless)

        threads = [threading.Thread(target=flood, args=pair) for pair in starts.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_uploads_that_lie_about_their_name(tmp_path: pathlib.Path) -> None:
    name = hashlib.sha256(b"another object").hexdigest()
    with node(tmp_path) as it, watched(it, slowest=5, most=96 * MIB):
        transport = httpx2.HTTPTransport(limits=httpx2.Limits(max_connections=8))
        with httpx2.Client(base_url=it.url, transport=transport, timeout=20) as client:

            def put(_: int) -> str:
                answer = client.put(f"/v1/objects/{name}", content=bytes(4 * SEALED_CHUNK))
                code: str = answer.json()["code"]
                return code

            with ThreadPoolExecutor(4) as pool:
                assert set(pool.map(put, range(16 * SCALE))) <= {"object.root", "object.busy", "host.share"}
        kept = [path for path in (tmp_path / "data" / "objects").rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in kept) <= 4 * SEALED_CHUNK
