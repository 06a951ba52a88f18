"""Uploads that were cut off: gone on with, bounded, and never believed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from tests.host import running
from tests.host.rig import SMALL, rig
from tests.host.test_objects import files, root_of
from tobari.base.errors import Conflict, TobariError, Unavailable
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.client import objects as upload_module
from tobari.client.http import Driver
from tobari.client.objects import DataKey
from tobari.host.config import Limits
from tobari.host.objects import ObjectStore

CHUNKS = [bytes([n]) * SEALED_CHUNK for n in range(3)] + [b"the end" * 3]
ROOT = root_of(CHUNKS)
PATH = f"/v1/objects/{ROOT.hex()}"


def cut(store: ObjectStore, chunks: list[bytes], root: bytes = ROOT, *, offset: int = 0) -> None:
    """An upload whose line breaks after these chunks."""
    upload = store.receive(root, offset=offset)
    for chunk in chunks:
        upload.add(chunk)
    upload.park()
    upload.abandon()


def test_an_upload_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, SMALL)
    cut(store, CHUNKS[:1])
    assert store.received(ROOT) == store.used == SEALED_CHUNK
    cut(store, CHUNKS[1:2], offset=SEALED_CHUNK)
    assert store.received(ROOT) == store.used == 2 * SEALED_CHUNK
    assert store.size(ROOT) is None
    upload = store.receive(ROOT, offset=2 * SEALED_CHUNK)
    assert store.received(ROOT) == 0, "one at a time goes on with it"
    for chunk in CHUNKS[2:]:
        upload.add(chunk)
    assert upload.finish()
    upload.abandon()
    assert (files(tmp_path), store.received(ROOT)) == ([store.path(ROOT)], 0)
    assert [store.chunk(ROOT, i) for i in range(4)] == CHUNKS
    assert store.used == sum(map(len, CHUNKS))


@pytest.mark.parametrize("offset", [SEALED_CHUNK, 3 * SEALED_CHUNK])
def test_another_offset_is_refused(tmp_path: Path, offset: int) -> None:
    store = ObjectStore(tmp_path, SMALL)
    cut(store, CHUNKS[:2])
    with pytest.raises(Conflict) as caught:
        store.receive(ROOT, offset=offset)
    assert caught.value.code == "object.offset"
    assert store.received(ROOT) == 2 * SEALED_CHUNK


def test_of_two_that_were_cut_off_the_longer_one_stays(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, SMALL)
    for length in (1, 3, 2):
        cut(store, CHUNKS[:length])
    assert store.received(ROOT) == store.used == 3 * SEALED_CHUNK
    assert len(files(tmp_path)) == 1


def test_a_short_chunk_is_no_place_to_go_on(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, SMALL)
    cut(store, [CHUNKS[0], b"short"])
    assert (store.received(ROOT), store.used, files(tmp_path)) == (0, 0, [])


def test_a_whole_object_ends_what_other_uploads_of_it_left(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, SMALL)
    cut(store, CHUNKS[:2])
    upload = store.receive(ROOT)
    for chunk in CHUNKS:
        upload.add(chunk)
    assert upload.finish()
    upload.abandon()
    assert (files(tmp_path), store.used) == ([store.path(ROOT)], sum(map(len, CHUNKS)))


def other(n: int) -> bytes:
    return bytes([n]) * 32


@pytest.mark.parametrize(
    "limits", [replace(SMALL, partials=2), replace(SMALL, partial_bytes=2 * SEALED_CHUNK)], ids=["number", "bytes"]
)
def test_the_oldest_are_given_up_beyond_the_limits(tmp_path: Path, limits: Limits) -> None:
    store = ObjectStore(tmp_path, limits)
    for n in range(4):
        cut(store, CHUNKS[:1], other(n))
    assert [store.received(other(n)) for n in range(4)] == [0, 0, SEALED_CHUNK, SEALED_CHUNK]
    assert store.used == 2 * SEALED_CHUNK == sum(path.stat().st_size for path in files(tmp_path))


def test_they_make_room_for_what_needs_it(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, replace(SMALL, quota_bytes=4 * SEALED_CHUNK))
    for n in range(3):
        cut(store, CHUNKS[:1], other(n))
    upload = store.receive(ROOT)
    for chunk in CHUNKS:
        upload.add(chunk)
    assert upload.finish()
    upload.abandon()
    assert [store.received(other(n)) for n in range(3)] == [0, 0, 0]
    with pytest.raises(TobariError) as caught:
        store.make_room(SEALED_CHUNK)
    assert caught.value.code == "object.quota"


def test_they_expire(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, replace(SMALL, partial_seconds=0.05))
    cut(store, CHUNKS[:1])
    time.sleep(0.06)
    assert (store.received(ROOT), store.used, files(tmp_path)) == (0, 0, [])


def test_what_a_restart_finds(tmp_path: Path) -> None:
    cut(ObjectStore(tmp_path, SMALL), CHUNKS[:2])
    (kept,) = files(tmp_path)
    with kept.open("ab") as file:
        file.write(b"half a chunk")
    (kept.parent / ".strange").write_bytes(CHUNKS[0])
    (kept.parent / f".{'0' * 64}.x").write_bytes(b"less than a chunk")
    old = kept.parent / f".{'1' * 64}.x"
    old.write_bytes(CHUNKS[0])
    os.utime(old, (1, 1))
    store = ObjectStore(tmp_path, SMALL)
    assert files(tmp_path) == [kept]
    assert store.received(ROOT) == store.used == kept.stat().st_size == 2 * SEALED_CHUNK
    cut(store, CHUNKS[2:3], offset=2 * SEALED_CHUNK)
    assert store.received(ROOT) == 3 * SEALED_CHUNK


# --- over HTTP ---


async def test_head_tells_where_to_go_on_and_put_does(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        cut(host.objects, CHUNKS[:2])
        asked = await host.http.head(PATH)
        assert (asked.status_code, asked.headers["upload-offset"]) == (404, str(2 * SEALED_CHUNK))
        rest = {"upload-offset": asked.headers["upload-offset"]}
        assert (await host.http.put(PATH, content=b"".join(CHUNKS[2:]), headers=rest)).status_code == 201
        again = await host.http.put(PATH, content=b"", headers=rest)
        assert (again.status_code, again.json()["code"]) == (409, "object.offset")
        asked = await host.http.head(PATH)
        assert (asked.status_code, "upload-offset" in asked.headers) == (200, False)
        assert (await host.http.get(PATH)).content == b"".join(CHUNKS)


@pytest.mark.parametrize("offset", ["1", "-1", "x", "1048592.0", "9" * 30, ""])
async def test_an_offset_that_is_none(tmp_path: Path, offset: str) -> None:
    async with rig(tmp_path) as host:
        answer = await host.http.put(PATH, content=b"x", headers={"upload-offset": offset})
        assert (answer.status_code, answer.json()["code"]) == (400, "http.upload_offset")


async def test_a_rest_that_does_not_fit_is_not_kept(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        cut(host.objects, CHUNKS[:2])
        rest = {"upload-offset": str(2 * SEALED_CHUNK)}
        answer = await host.http.put(PATH, content=b"something else altogether", headers=rest)
        assert (answer.status_code, answer.json()["code"]) == (422, "object.root")
        assert (host.objects.received(ROOT), host.objects.used) == (0, 0)


def send_part(host: running.Host, folder: Path, chunks: list[bytes]) -> None:
    """Chunks over a socket that is closed in the middle of the body."""
    total = sum(map(len, CHUNKS))
    with host.connect() as line:
        line.sendall(f"PUT {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {total}\r\n\r\n".encode())
        line.sendall(b"".join(chunks) + b"a part of the next")
        wait_for(lambda: any(path.stat().st_size >= SEALED_CHUNK for path in dots(folder)))


def dots(folder: Path) -> list[Path]:
    return [path for path in (folder / "data" / "objects").rglob(".*") if path.is_file()]


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError


def offset_of(http: httpx2.Client) -> int:
    return int(http.head(PATH).headers.get("upload-offset", "0"))


def test_a_cut_connection(tmp_path: Path) -> None:
    with running.host(tmp_path) as host:
        send_part(host, tmp_path, CHUNKS[:2])
        wait_for(lambda: offset_of(host.http) > 0)
        offset = offset_of(host.http)
        assert offset % SEALED_CHUNK == 0
        rest = b"".join(CHUNKS)[offset:]
        assert host.http.put(PATH, content=rest, headers={"upload-offset": str(offset)}).status_code == 201


def test_a_killed_host(tmp_path: Path) -> None:
    with running.host(tmp_path) as host:
        total = sum(map(len, CHUNKS))
        with host.connect() as line:
            line.sendall(f"PUT {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {total}\r\n\r\n".encode())
            line.sendall(b"".join(CHUNKS[:2]))
            wait_for(lambda: any(path.stat().st_size >= SEALED_CHUNK for path in dots(tmp_path)))
            host.process.kill()
            host.ended()
    with running.host(tmp_path) as host:
        offset = offset_of(host.http)
        assert offset in (SEALED_CHUNK, 2 * SEALED_CHUNK)
        rest = b"".join(CHUNKS)[offset:]
        assert host.http.put(PATH, content=rest, headers={"upload-offset": str(offset)}).status_code == 201
        assert host.http.get(PATH).content == b"".join(CHUNKS)
        assert dots(tmp_path) == []


def test_the_client_goes_on_after_a_killed_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "PAUSES", (0.01,))
    sealed = upload_module.seal(bytes(6 << 20), DataKey.generate(), object_index=0)
    path = f"/v1/objects/{sealed.ref.root.hex()}"
    with running.host(tmp_path) as host, Driver(host.url) as driver:

        def kill_midway(done: int, _: int) -> None:
            if done == 3 * SEALED_CHUNK:
                wait_for(lambda: any(found.stat().st_size >= SEALED_CHUNK for found in dots(tmp_path)))
                host.process.kill()
                host.process.wait()

        with pytest.raises(Unavailable):
            driver.run(upload_module.upload(sealed, progress=kill_midway))
    with running.host(tmp_path) as host, Driver(host.url) as driver:
        reached: list[int] = []
        driver.run(upload_module.upload(sealed, progress=lambda done, _: reached.append(done)))
        assert reached[0] > SEALED_CHUNK, "what the host had was not sent again"
        assert reached[-1] == sealed.ref.sealed_size
        assert host.http.get(path).content == b"".join(sealed.chunks())
