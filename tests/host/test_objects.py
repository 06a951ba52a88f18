"""tobari.host.objects: an object has its name only when it is whole, and nothing else stays."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base.errors import Malformed, TobariError
from tobari.base.messages.objects import SEALED_CHUNK, TAG, ObjectRef
from tobari.host.config import Limits
from tobari.host.objects import ObjectStore
from tobari.ledger.tree import Tree, leaf_hash

LIMITS = Limits(reserve_bytes=0)


def root_of(chunks: list[bytes]) -> bytes:
    tree = Tree()
    tree.extend(leaf_hash(chunk) for chunk in chunks)
    return tree.root()


def put(store: ObjectStore, chunks: list[bytes], root: bytes | None = None) -> bool:
    upload = store.receive(root_of(chunks) if root is None else root)
    try:
        for chunk in chunks:
            upload.add(chunk)
        return upload.finish()
    finally:
        upload.abandon()


def files(path: Path) -> list[Path]:
    return [found for found in path.rglob("*") if found.is_file()]


def test_kept_once_and_read_by_chunks(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, LIMITS)
    chunks = [b"a" * SEALED_CHUNK, b"b" * SEALED_CHUNK, b"c" * 20]
    root = root_of(chunks)
    assert store.size(root) is None
    assert store.chunk(root, 0) is None
    assert put(store, chunks)
    assert not put(store, chunks)
    assert store.size(root) == store.used == sum(map(len, chunks))
    assert [store.chunk(root, i) for i in range(4)] == [*chunks, None]
    assert files(tmp_path) == [tmp_path / root.hex()[:2] / root.hex()]
    assert ObjectStore(tmp_path, LIMITS).used == store.used


@settings(max_examples=20, deadline=None)
@given(size=st.integers(0, 3))
def test_every_size_an_object_can_have_is_taken(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    store = ObjectStore(tmp_path_factory.mktemp("objects"), LIMITS)
    reference = ObjectRef(root=bytes(32), size=size * ((1 << 20) // 2))
    data = bytes(reference.sealed_size)
    chunks = [data[i : i + SEALED_CHUNK] for i in range(0, len(data), SEALED_CHUNK)]
    assert len(chunks) == reference.chunks
    assert put(store, chunks)


@pytest.mark.parametrize(
    ("chunks", "root", "code"),
    [
        ([b"x" * 100], bytes(32), "object.root"),
        ([], None, "object.chunking"),
        ([b"x" * (TAG - 1)], None, "object.chunking"),
        ([b"x" * SEALED_CHUNK, b"y" * TAG], None, "object.chunking"),
        ([b"x" * 100, b"y" * 100], None, "object.chunking"),
    ],
)
def test_what_is_not_that_object_leaves_nothing(
    tmp_path: Path, chunks: list[bytes], root: bytes | None, code: str
) -> None:
    store = ObjectStore(tmp_path, LIMITS)
    with pytest.raises(TobariError) as caught:
        put(store, chunks, root)
    assert caught.value.code == code
    assert files(tmp_path) == []
    assert store.used == 0


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (replace(LIMITS, object_bytes=SEALED_CHUNK + 10), "object.too_large"),
        (replace(LIMITS, quota_bytes=SEALED_CHUNK + 10), "object.quota"),
        (Limits(reserve_bytes=1 << 62), "object.disk_full"),
    ],
)
def test_limits_hold_while_it_arrives(tmp_path: Path, limits: Limits, code: str) -> None:
    store = ObjectStore(tmp_path, limits)
    with pytest.raises(TobariError) as caught:
        put(store, [b"a" * SEALED_CHUNK, b"b" * 100])
    assert caught.value.code == code
    assert (files(tmp_path), store.used) == ([], 0)


def test_uploads_leave_room_for_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever fills the disk with objects does not stop the calls of others."""
    limits = Limits(reserve_bytes=1000)
    store = ObjectStore(tmp_path, limits)
    free = 2500
    monkeypatch.setattr("tobari.host.objects.shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    assert put(store, [b"x" * 500])
    with pytest.raises(TobariError) as caught:
        put(store, [b"y" * 501])
    assert caught.value.code == "object.disk_full"
    free = 1000
    assert store.has_space()
    free = 999
    assert not store.has_space()


def test_the_quota_holds_for_uploads_at_the_same_time(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path, replace(LIMITS, quota_bytes=5 * 1000))
    done: list[str] = []

    def work(n: int) -> None:
        try:
            put(store, [bytes([n]) * 1000])
            done.append("kept")
        except TobariError as error:
            done.append(error.code)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.used == sum(found.stat().st_size for found in files(tmp_path)) <= 5000
    assert set(done) <= {"kept", "object.quota"}


def test_adding_after_a_short_chunk_is_refused_at_once(tmp_path: Path) -> None:
    upload = ObjectStore(tmp_path, LIMITS).receive(bytes(32))
    upload.add(b"short")
    with pytest.raises(Malformed):
        upload.add(b"more")
    upload.abandon()
    upload.abandon()
