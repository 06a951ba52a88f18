"""tobari.host.connection: what a hostile client can hold on to, over real sockets."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from pathlib import Path

import pytest

from tests.host import running
from tests.host.test_objects import files, root_of
from tobari.base.messages.command import MAX_ENVELOPE
from tobari.base.messages.objects import SEALED_CHUNK

GET = b"GET /healthz HTTP/1.1\r\nhost: h\r\n"
CALL = b"POST /v1/call HTTP/1.1\r\nhost: h\r\ncontent-type: application/vnd.tobari.envelope\r\n"


def until_closed(sock: socket.socket) -> bytes:
    received = b""
    try:
        while data := sock.recv(1 << 16):
            received += data
    except ConnectionError:
        pass
    return received


def test_slow_connections_are_cut(tmp_path: Path) -> None:
    with running.host(tmp_path, head_seconds=0.3, piece_seconds=0.3) as host:
        silent, slow_head, early = host.connect(), host.connect(), host.connect()
        slow_head.sendall(GET)
        # Answered before its body has come: the rest is waited for, and not for ever.
        early.sendall(CALL + b"content-length: %d\r\n\r\n" % (MAX_ENVELOPE + 1))
        slow_body = host.connect()
        slow_body.sendall(CALL + b"content-length: 10\r\n\r\nabc")
        started = time.monotonic()
        assert until_closed(silent) == b""
        assert until_closed(slow_head) == b""
        assert b"http.too_large" in until_closed(early)
        assert b"http.slow" in until_closed(slow_body)
        assert time.monotonic() - started < 4
        for sock in (silent, slow_head, early, slow_body):
            sock.close()
        assert host.http.get("/healthz").status_code == 200


def test_a_kept_connection_may_be_used_again(tmp_path: Path) -> None:
    with running.host(tmp_path, head_seconds=0.3) as host, host.connect() as sock:
        for _ in range(3):
            sock.sendall(GET + b"\r\n")
            received = b""
            while b"alive" not in received:
                received += sock.recv(1 << 16)
            time.sleep(0.4)


def test_a_head_without_end_is_cut(tmp_path: Path) -> None:
    with running.host(tmp_path) as host, host.connect() as sock:
        sock.sendall(GET)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += sock.send(b"x: " + b"y" * 60_000 + b"\r\n")
        except ConnectionError:
            pass
        assert sent < 16 << 20


def test_one_connection_too_many_cuts_the_one_that_waited_longest(tmp_path: Path) -> None:
    with running.host(tmp_path, connections=3) as host:
        held = [host.connect() for _ in range(3)]
        time.sleep(0.1)
        assert host.http.get("/healthz").status_code == 200
        assert until_closed(held[0]) == b""
        held[1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            held[1].recv(1)
        for sock in held:
            sock.close()


def test_a_low_limit_of_descriptors_is_raised(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        with running.host(tmp_path, connections=300) as host:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            held = [host.connect() for _ in range(200)]
            assert host.call(b"query").status_code == 200
            for sock in held:
                sock.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_connection_with_a_request_in_progress_is_not_replaced(tmp_path: Path) -> None:
    with running.host(tmp_path, connections=2) as host:
        busy = [host.connect() for _ in range(2)]
        for sock in busy:
            sock.sendall(CALL + b"content-length: 6\r\n\r\nsil")
        time.sleep(0.1)
        with host.connect() as one_more:
            assert until_closed(one_more) == b""
        busy[0].sendall(b"ent")
        busy[0].settimeout(0.2)
        with pytest.raises(TimeoutError):
            busy[0].recv(1)
        for sock in busy:
            sock.close()


def test_bytes_between_requests_do_not_hold_a_connection(tmp_path: Path) -> None:
    """uvicorn gives up its own timer when anything arrives, be it an empty line."""
    upgrade = GET + b"connection: upgrade\r\nupgrade: x\r\n\r\n"
    with running.host(tmp_path, head_seconds=0.3) as host:
        for request, more in ((GET + b"\r\n", b"\r\n"), (upgrade, b"x")):
            with host.connect() as sock:
                sock.sendall(request)
                assert b"200 OK" in sock.recv(1 << 16)
                sock.sendall(more)
                sock.settimeout(3)
                until_closed(sock)


def test_requests_sent_ahead_are_bounded(tmp_path: Path) -> None:
    with running.host(tmp_path, pipelined=4) as host:
        with host.connect() as sock:
            sock.sendall((GET + b"\r\n") * 5)
            received = b""
            while received.count(b"alive") < 5:
                received += sock.recv(1 << 16)
        with host.connect() as sock:
            sock.sendall((GET + b"\r\n") * 1000)
            assert until_closed(sock).count(b"alive") < 5


def test_header_fields_are_counted(tmp_path: Path) -> None:
    with running.host(tmp_path) as host, host.connect() as sock:
        sock.sendall(GET + b"a:\r\n" * 1000 + b"\r\n")
        assert until_closed(sock) == b""


@pytest.mark.parametrize("endless", [b"a: b\r\n", b"x" * 1000], ids=["fields", "one field"])
def test_a_trailer_without_end_is_cut(tmp_path: Path, endless: bytes) -> None:
    flood(tmp_path, b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + b"x:" * (endless[:1] == b"x"), endless)


def test_a_chunk_extension_without_end_is_cut(tmp_path: Path) -> None:
    flood(tmp_path, b"transfer-encoding: chunked\r\n\r\n1;", b"x" * 1000)


def flood(tmp_path: Path, start: bytes, endless: bytes) -> None:
    with running.host(tmp_path) as host, host.connect() as sock:
        sock.sendall(CALL + start)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 64 << 20:
                sent += sock.send(endless * 60)
        assert sent < 16 << 20
        assert host.http.get("/healthz").status_code == 200


def test_a_body_in_chunks_of_one_byte_is_read(tmp_path: Path) -> None:
    with running.host(tmp_path) as host, host.connect() as sock:
        sock.sendall(CALL + b"transfer-encoding: chunked\r\n\r\n")
        for start in range(0, 60_000, 6000):
            signs = b" " * 6000 if start else b"query:"
            sock.sendall(b"".join(b"1\r\n%c\r\n" % sign for sign in signs))
        sock.sendall(b"0\r\nconnection: close\r\n\r\n")
        assert b"200 OK" in sock.recv(1 << 16)


def test_a_client_that_does_not_read_is_cut(tmp_path: Path) -> None:
    chunks = [bytes([n]) * SEALED_CHUNK for n in range(16)]
    name = root_of(chunks).hex()
    with running.host(tmp_path, piece_seconds=0.5, transfers=1) as host:
        assert host.http.put(f"/v1/objects/{name}", content=b"".join(chunks)).status_code == 201
        with host.connect() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(b"GET /v1/objects/%s HTTP/1.1\r\nhost: h\r\n\r\n" % name.encode())
            time.sleep(0.2)
            assert host.http.get(f"/v1/objects/{name}").json()["code"] == "host.busy"
            time.sleep(1.0)
            assert host.http.get(f"/v1/objects/{name}").content == b"".join(chunks)


def test_an_upload_that_breaks_off_gives_its_slot_back_and_leaves_whole_chunks(tmp_path: Path) -> None:
    with running.host(tmp_path, transfers=1) as host:
        with host.connect() as sock:
            sock.sendall(b"PUT /v1/objects/%s HTTP/1.1\r\nhost: h\r\ncontent-length: 9999999\r\n\r\n" % (b"0" * 64))
            sock.sendall(b"x" * (3 << 20))
        chunks = [b"x" * 99]
        for _ in range(100):
            answer = host.http.put(f"/v1/objects/{root_of(chunks).hex()}", content=chunks[0])
            if answer.status_code == 201:
                break
            time.sleep(0.02)
        left, whole = sorted(files(tmp_path / "data" / "objects"), key=lambda found: found.stat().st_size, reverse=True)
        assert (left.name[:65], left.stat().st_size % SEALED_CHUNK) == ("." + "0" * 64, 0)
        assert whole.name == root_of(chunks).hex()


def test_bytes_that_are_no_http_are_refused(tmp_path: Path) -> None:
    with running.host(tmp_path) as host, host.connect() as sock:
        sock.sendall(b"\x16\x03\x01\x00\xff not http at all\r\n\r\n")
        assert until_closed(sock).startswith(b"HTTP/1.1 400")
