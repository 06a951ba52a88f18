"""Reading and mirroring a public log: the audit of the copy says what it says of the original."""

from __future__ import annotations

import dataclasses
import pathlib

import httpx2
import pytest

from tests.tools.logs import KEY, SIGNING_KEY, Log
from tests.tools.service import URL, MemoryService
from tobari.base.errors import Malformed, TobariError, Unavailable, Untrusted
from tobari.client.log_files import is_address, max_bytes, mirror, read_folder, read_url
from tobari.crypto.signing import SigningKey
from tobari.ledger.audit import audit


def test_the_log_of_a_service_is_audited_over_http(session, service: MemoryService):
    for _ in range(3):
        session.call("currency", "issue", {"to": "bank", "amount": 1})
    with read_url(URL, transport=service.transport) as read:
        report = audit(read, key=service.key)
    assert (report.tree_size, report.public_present) == (4, 4)


def test_a_mirror_is_audited_without_the_service(session, service, tmp_path):
    session.call("currency", "issue", {"to": "bank", "amount": 1})
    folder = tmp_path / "mirror"
    folder.mkdir()
    with read_url(URL, transport=service.transport) as read:
        assert mirror(read, folder, key=service.key).tree_size == 2
    assert audit(read_folder(folder), key=service.key).tree_size == 2
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "checkpoint",
        "tile/0/000.p/2",
        "tile/entries/000.p/2",
        "tile/public/000.p/2",
    ]


@pytest.mark.parametrize("size", [0, 1, 256, 300, 513])
def test_a_mirror_of_any_size(tmp_path: pathlib.Path, size):
    log = Log.make(size)
    steps: list[tuple[int, int]] = []
    mirror(log.files().get, tmp_path, key=KEY, progress=lambda done, of: steps.append((done, of)))
    assert audit(read_folder(tmp_path), key=KEY).entries == size
    assert not steps or steps[-1][0] == steps[-1][1] == len(steps)


def test_a_mirror_that_grows_reads_full_tiles_once(tmp_path):
    mirror(Log.make(300).files().get, tmp_path, key=KEY)
    asked: list[str] = []
    files = Log.make(600).files()

    def read(path: str) -> bytes | None:
        asked.append(path)
        return files.get(path)

    mirror(read, tmp_path, key=KEY)
    assert "tile/0/000" not in asked
    assert "tile/0/001" in asked
    assert audit(read_folder(tmp_path), key=KEY).entries == 600


def test_a_partial_file_that_became_a_full_one_meanwhile(tmp_path):
    old, grown = Log.make(7), Log.make(256)
    files = {**grown.files(), "checkpoint": old.note().encode()}
    mirror(files.get, tmp_path, key=KEY)
    assert audit(read_folder(tmp_path), key=KEY).entries == 7


def test_pruned_bodies_are_not_missed(tmp_path):
    files = {path: data for path, data in Log.make(7).files().items() if "public" not in path}
    mirror(files.get, tmp_path, key=KEY)
    assert audit(read_folder(tmp_path), key=KEY).public_pruned == 7


def test_a_log_without_its_entries_is_not_mirrored(tmp_path):
    files = {path: data for path, data in Log.make(7).files().items() if "entries" not in path}
    with pytest.raises(Unavailable) as caught:
        mirror(files.get, tmp_path, key=KEY)
    assert caught.value.code == "client.no_log"
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("checkpoint", [b"", b"\xff", b"x\n1\n", b"a\n-1\nAA==\n\n"])
def test_what_is_no_checkpoint(tmp_path, checkpoint):
    with pytest.raises(Malformed):
        mirror({"checkpoint": checkpoint}.get, tmp_path, key=KEY)
    with pytest.raises(Unavailable):
        mirror({}.get, tmp_path, key=KEY)


def test_a_size_that_nobody_signed_is_not_gone_after(tmp_path):
    log, stranger = Log.make(3), SigningKey.from_seed(b"s" * 32)
    endless = dataclasses.replace(log.checkpoint(), tree_size=10**12)
    asked: list[str] = []

    def read(path: str) -> bytes:
        asked.append(path)
        return endless.sign(stranger).encode()

    with pytest.raises(Untrusted) as caught:
        mirror(read, tmp_path, key=KEY)
    assert caught.value.code == "note.unknown_key"
    assert asked == ["checkpoint"]


def test_a_size_beyond_the_files_is_no_matter_of_memory(tmp_path):
    log = Log.make(3)
    endless = dataclasses.replace(log.checkpoint(), tree_size=1 << 62).sign(SIGNING_KEY).encode()
    with pytest.raises(Unavailable) as caught:
        mirror({"checkpoint": endless}.get, tmp_path, key=KEY)
    assert caught.value.code == "client.no_log"


@pytest.mark.parametrize("path", ["", "../checkpoint", "/etc/passwd", "tile/0/../000", "tile/0/000.p/0", "x"])
def test_names_of_no_file_of_a_log(tmp_path, path):
    with pytest.raises(Malformed):
        max_bytes(path)
    with pytest.raises(Malformed):
        read_folder(tmp_path)(path)


def test_files_are_not_read_beyond_their_size(tmp_path, service):
    mirror(Log.make(7).files().get, tmp_path, key=KEY)
    (tmp_path / "tile/0/000.p/7").write_bytes(bytes(7 * 32 + 1))
    with pytest.raises(TobariError) as caught:
        read_folder(tmp_path)("tile/0/000.p/7")
    assert caught.value.code == "client.file_too_large"
    service.mangle = lambda _, response: httpx2.Response(200, content=bytes(1 << 20))
    with read_url(URL, transport=service.transport) as read, pytest.raises(TobariError) as caught:
        read("tile/0/000.p/7")
    assert caught.value.code == "client.response_too_large"


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(Unavailable) as caught:
        read_folder(tmp_path / "nowhere")
    assert caught.value.code == "client.no_folder"
    assert read_folder(tmp_path)("checkpoint") is None


def test_an_address_is_told_from_a_folder():
    assert is_address("http://127.0.0.1:8420")
    assert not is_address("./http")
