"""tobari.host.store and reader: what is kept, in what order, and what a file must be to be opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.host.fake_enclave import entry
from tobari.base.errors import Broken, Malformed
from tobari.base.messages.link import Entry
from tobari.host.reader import LogReader
from tobari.host.store import Kept, LogStore
from tobari.ledger.entry import MAX_HEADER, MAX_PUBLIC


def test_a_new_store_is_empty(tmp_path: Path) -> None:
    store = LogStore(tmp_path / "log.sqlite")
    assert store.kept() == Kept(0, None, None, None)
    store.close()


def test_everything_is_there_when_opened_again(tmp_path: Path) -> None:
    store = LogStore(tmp_path / "log.sqlite")
    store.put_sealed(b"one")
    store.put_sealed(b"two")
    store.append(0, [entry(0), entry(1)])
    store.append(2, [entry(2)])
    store.put_snapshot(2, b"older")
    store.put_snapshot(3, b"newer")
    store.put_checkpoint(2, "older")
    store.put_checkpoint(3, "newer")
    store.close()
    store = LogStore(tmp_path / "log.sqlite")
    assert store.kept() == Kept(3, b"two", b"newer", "newer")
    store.close()


def test_writes_wait_for_the_disk(tmp_path: Path) -> None:
    store = LogStore(tmp_path / "log.sqlite")
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


@pytest.mark.parametrize("first", [0, 1, 3])
def test_neither_gap_nor_overwrite(tmp_path: Path, first: int) -> None:
    store = LogStore(tmp_path / "log.sqlite")
    store.append(0, [entry(0), entry(1)])
    with pytest.raises(Broken) as caught:
        store.append(first, [entry(first)])
    assert caught.value.code == "store.gap"
    assert store.kept().log_size == 2
    with pytest.raises(Broken) as caught:
        store.append(2, [entry(2)])
    assert caught.value.code == "store.failed"
    store.close()


@pytest.mark.parametrize(
    "large",
    [
        Entry(header=bytes(MAX_HEADER + 1), public=b"", sealed=b""),
        Entry(header=b"", public=bytes(MAX_PUBLIC + 1), sealed=b""),
    ],
)
def test_an_entry_that_no_tile_could_hold_is_refused(tmp_path: Path, large: Entry) -> None:
    store = LogStore(tmp_path / "log.sqlite")
    with pytest.raises(Broken) as caught:
        store.append(0, [entry(0), large])
    assert caught.value.code == "store.entry"
    assert store.size == 0
    store.close()


@pytest.mark.parametrize("pragma", ["application_id = 7", "user_version = 99"])
def test_a_foreign_file_is_refused(tmp_path: Path, pragma: str) -> None:
    path = tmp_path / "log.sqlite"
    LogStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA {pragma}")
    db.close()
    with pytest.raises(Malformed) as caught:
        LogStore(path)
    assert caught.value.code == "store.foreign"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    path.write_bytes(b"something else " * 100)
    with pytest.raises(Broken) as caught:
        LogStore(path)
    assert caught.value.code == "store.damaged"


@pytest.mark.parametrize("seq", [0, 3])
def test_a_log_with_a_hole_is_refused(tmp_path: Path, seq: int) -> None:
    path = tmp_path / "log.sqlite"
    store = LogStore(path)
    store.append(0, [entry(i) for i in range(8)])
    store._db.execute("DELETE FROM entries WHERE seq = ?", (seq,))
    store.close()
    with pytest.raises(Broken) as caught:
        LogStore(path)
    assert caught.value.code == "store.damaged"


def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    store = LogStore(path)
    store.append(0, [entry(i) for i in range(2000)])
    store.close()
    data = bytearray(path.read_bytes())
    data[9 * 4096 : 9 * 4096 + 2048] = bytes(2048)
    path.write_bytes(data)
    with pytest.raises(Broken) as caught:
        LogStore(path)
    assert caught.value.code == "store.damaged"


async def test_the_reader_sees_what_is_committed_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    store = LogStore(path)
    reader = LogReader(path)
    store.append(0, [entry(i, b"p%d" % i) for i in range(5)])
    assert await reader.headers(1, 3) == [entry(i).header for i in (1, 2, 3)]
    assert await reader.publics(4, 1) == [b"p4"]
    assert await reader.replay(3, 5) == [entry(i, b"p%d" % i) for i in (3, 4)]
    with pytest.raises(Broken):
        await reader.headers(3, 3)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._db.execute("DELETE FROM entries")
    await reader.close()
    store.close()
