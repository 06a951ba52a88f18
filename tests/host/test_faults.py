"""The fault table: every durable write of the host, under every fault, then opened again by the normal path.

A write either fails, reports it and leaves the old state; or persists, and may still report failure. Nothing in
between is ever found afterwards, and nothing that was reported as done is ever gone.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.host.fake_enclave import entry
from tobari.base.errors import Broken, Untrusted
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.host import objects as objects_module
from tobari.host.config import Limits
from tobari.host.objects import ObjectStore, Upload
from tobari.host.store import Kept, LogStore
from tobari.ledger.tree import Tree, leaf_hash

OLD = Kept(2, b"old", b"old", "old")

WRITES: dict[str, tuple[Callable[[LogStore], None], Kept]] = {
    "append": (lambda s: s.append(2, [entry(2), entry(3)]), OLD._replace(log_size=4)),
    "sealed": (lambda s: s.put_sealed(b"new"), OLD._replace(sealed=b"new")),
    "snapshot": (lambda s: s.put_snapshot(2, b"new"), OLD._replace(snapshot=b"new")),
    "checkpoint": (lambda s: s.put_checkpoint(2, "new"), OLD._replace(checkpoint="new")),
}


class FaultyDatabase:
    """A connection that fails at one step, before or after doing it."""

    def __init__(self, db: sqlite3.Connection, step: str, *, done: bool) -> None:
        self._db = db
        self._step = step
        self._done = done

    def execute(self, statement: str) -> None:
        self._at(statement.partition(" ")[0], lambda: self._db.execute(statement))

    def executemany(self, statement: str, rows: Any) -> None:
        self._at("rows", lambda: self._db.executemany(statement, rows))

    def _at(self, step: str, action: Callable[[], Any]) -> None:
        if step != self._step:
            action()
            return
        if self._done:
            action()
        raise sqlite3.OperationalError("disk I/O error")


def old_store(path: Path) -> LogStore:
    store = LogStore(path)
    store.append(0, [entry(0), entry(1)])
    store.put_sealed(b"old")
    store.put_snapshot(1, b"old")
    store.put_checkpoint(1, "old")
    return store


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("step", "done", "persists"),
    [
        ("BEGIN", False, False),
        ("BEGIN", True, False),
        ("rows", False, False),
        ("rows", True, False),
        ("COMMIT", False, False),
        ("COMMIT", True, True),
    ],
)
def test_log_write_under_fault(tmp_path: Path, write: str, step: str, done: bool, persists: bool) -> None:
    action, new = WRITES[write]
    path = tmp_path / "log.sqlite"
    store = old_store(path)
    db = store._db
    store._db = FaultyDatabase(db, step, done=done)  # type: ignore[assignment]
    with pytest.raises(Broken) as caught:
        action(store)
    assert caught.value.code == "store.write"
    store._db = db
    for again, _ in WRITES.values():  # a store that failed once takes nothing more
        with pytest.raises(Broken):
            again(store)
    store.close()
    store = LogStore(path)
    assert store.kept() == (new if persists else OLD)
    if not persists:
        action(store)
        assert store.kept() == new
    store.close()


@pytest.mark.parametrize("write", WRITES)
def test_log_write_on_a_full_disk(tmp_path: Path, write: str) -> None:
    path = tmp_path / "log.sqlite"
    store = old_store(path)
    store._db.execute("PRAGMA max_page_count = 1")  # SQLite's own way to be out of space
    large = b"x" * 100_000
    with pytest.raises(Broken) as caught:
        {
            "append": lambda: store.append(2, [entry(2, large)]),
            "sealed": lambda: store.put_sealed(large),
            "snapshot": lambda: store.put_snapshot(2, large),
            "checkpoint": lambda: store.put_checkpoint(2, large.decode()),
        }[write]()
    assert caught.value.code == "store.write"
    store.close()
    store = LogStore(path)
    assert store.kept() == OLD
    store.close()


CHILD = """
import sys
from pathlib import Path
from tests.host.fake_enclave import entry
from tobari.host.store import LogStore
store = LogStore(Path(sys.argv[1]))
while True:
    store.append(store.size, [entry(store.size + i) for i in range(3)])
    print(store.size, flush=True)
"""


@pytest.mark.parametrize("milliseconds", [0, 3, 11])
def test_log_write_and_a_killed_process(tmp_path: Path, milliseconds: int) -> None:
    path = tmp_path / "log.sqlite"
    arguments = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(milliseconds / 1000)
        child.send_signal(signal.SIGKILL)
        told = [line for line in child.stdout.read().split(b"\n") if line]
    acknowledged = int(told[-1]) if told else 3
    store = LogStore(path)
    assert store.size >= acknowledged
    assert store.size % 3 == 0
    store.close()


CHUNKS = [b"a" * SEALED_CHUNK, b"b" * 100]
TREE = Tree()
TREE.extend(leaf_hash(chunk) for chunk in CHUNKS)
ROOT = TREE.root()


def object_store(path: Path) -> ObjectStore:
    path.mkdir(exist_ok=True)
    return ObjectStore(path, Limits(reserve_bytes=0))


def upload(store: ObjectStore) -> bool:
    it: Upload = store.receive(ROOT)
    try:
        for chunk in CHUNKS:
            it.add(chunk)
        return it.finish()
    finally:
        it.abandon()


def leftovers(path: Path) -> list[Path]:
    return [found for found in path.rglob("*") if found.is_file()]


@pytest.mark.parametrize(
    ("module", "function", "done", "persists"),
    [
        ("os", "fsync", False, False),
        ("os", "fsync", True, False),
        ("os", "rename", False, False),
        ("os", "rename", True, True),
        ("objects", "sync_directory", False, True),
    ],
)
def test_object_write_under_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, function: str, done: bool, persists: bool
) -> None:
    store = object_store(tmp_path / "objects")
    holder = os if module == "os" else objects_module
    original = getattr(holder, function)

    def fault(*arguments: Any) -> None:
        if done:
            original(*arguments)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(holder, function, fault)
        with pytest.raises(OSError, match="Input/output"):
            upload(store)
    assert (store.size(ROOT) is not None) == persists
    assert leftovers(tmp_path) == ([store.path(ROOT)] if persists else [])
    store = object_store(tmp_path / "objects")
    assert store.used == (sum(map(len, CHUNKS)) if persists else 0)
    assert upload(store) is not persists
    assert [store.chunk(ROOT, i) for i in range(3)] == [*CHUNKS, None]
    assert store.used == sum(map(len, CHUNKS))


def test_object_write_and_a_killed_process(tmp_path: Path) -> None:
    store = object_store(tmp_path / "objects")
    dying = store.receive(ROOT)
    dying.add(CHUNKS[0])
    dying._file.write(b"half a chunk")
    dying._file.close()  # as the kernel does
    store = object_store(tmp_path / "objects")
    assert (store.used, store.size(ROOT), store.received(ROOT)) == (SEALED_CHUNK, None, SEALED_CHUNK)
    resumed = store.receive(ROOT, offset=SEALED_CHUNK)
    resumed.add(CHUNKS[1])
    assert resumed.finish()
    resumed.abandon()
    assert leftovers(tmp_path) == [store.path(ROOT)]
    assert [store.chunk(ROOT, i) for i in range(3)] == [*CHUNKS, None]


def test_what_a_dying_machine_spoilt_is_found_out_and_not_kept(tmp_path: Path) -> None:
    store = object_store(tmp_path / "objects")
    dying = store.receive(ROOT)
    dying.add(bytes(SEALED_CHUNK))  # a page that never reached the disk reads as zeros
    dying._file.close()
    store = object_store(tmp_path / "objects")
    resumed = store.receive(ROOT, offset=SEALED_CHUNK)
    resumed.add(CHUNKS[1])
    with pytest.raises(Untrusted):
        resumed.finish()
    resumed.abandon()
    assert (leftovers(tmp_path), store.used, store.received(ROOT)) == ([], 0, 0)
    assert upload(store)
