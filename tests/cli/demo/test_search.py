"""The search must be able to find, or it proves nothing: across pieces, in every spelling, in a live process."""

from __future__ import annotations

import ctypes
import os
import secrets
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tobari.base.errors import Unavailable
from tobari.cli.demo import search


def test_finds_a_text_in_any_file_and_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"...planted...")
    (tmp_path / "d").write_bytes(b"nothing here")
    findings = search.search_folder(tmp_path, [search.text("it", "planted"), search.text("other", "missing")])
    assert findings.found == {"it": ["a/b/c"]}
    assert findings.bytes_read == 25


@pytest.mark.parametrize("at", [-7, -1, 0, 1, 6])
def test_finds_what_lies_across_two_pieces(tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PIECE", 64)
    (tmp_path / "file").write_bytes(bytes(128 + at) + b"planted" + bytes(300))
    findings = search.search_folder(tmp_path, [search.text("it", "planted"), search.text("longer", "p" * 40)])
    assert list(findings.found) == ["it"]
    assert findings.bytes_read == 128 + at + 7 + 300


def test_pieces_shorter_than_a_needle_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PIECE", 3)
    (tmp_path / "file").write_bytes(b"..." + b"a long planted text" + b"...")
    assert search.search_folder(tmp_path, [search.text("it", "a long planted text")]).found


def test_finds_a_key_in_each_spelling(tmp_path: Path) -> None:
    secret = secrets.token_bytes(32)
    needle = search.key("key", secret)
    for spelling in (secret, secret.hex().encode(), *needle.spellings):
        (tmp_path / "file").write_bytes(b"x" + spelling + b"y")
        assert search.search_folder(tmp_path, [needle]).found


@pytest.mark.parametrize("spelling", [b"332.74074074074076", struct.pack(">d", 332.74074074074076)])
def test_finds_a_number_in_each_spelling(tmp_path: Path, spelling: bytes) -> None:
    (tmp_path / "file").write_bytes(spelling)
    assert search.search_folder(tmp_path, [search.number("mean", 332.74074074074076)]).found


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"planted")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "elsewhere")
    assert not search.search_folder(tmp_path / "folder", [search.text("it", "planted")]).found


_CHILD = "import sys; kept = sys.stdin.readline(); print('kept', flush=True); sys.stdin.readline()"


def test_finds_a_text_in_the_memory_of_another_process() -> None:
    planted, other = secrets.token_hex(16), secrets.token_hex(16)
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        print(planted, file=child.stdin, flush=True)
        child.stdout.readline()
        try:
            findings = search.search_memory(child.pid, [search.text("it", planted), search.text("other", other)])
        except Unavailable as closed:
            pytest.skip(closed.message)
        finally:
            child.stdin.close()
    assert list(findings.found) == ["it"]
    assert findings.bytes_read > 1 << 20


def test_finds_a_text_in_its_own_memory_outside_every_python_object() -> None:
    buffer = ctypes.create_string_buffer(b"planted-" + secrets.token_hex(8).encode())
    assert search.search_memory(os.getpid(), [search.text("it", buffer.value.decode())]).found


def test_a_process_that_is_not_ours_to_read_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("builtins.open", forbid)
    with pytest.raises(Unavailable) as closed:
        search.search_memory(os.getpid(), [search.text("it", "planted")])
    assert closed.value.code == "demo.memory"


def test_entropy_tells_ciphertext_from_text() -> None:
    assert search.entropy(secrets.token_bytes(1 << 16)) > 7.9
    assert search.entropy(b"male,0,100,90\n" * 100) < 4
    assert search.entropy(b"") == 0
