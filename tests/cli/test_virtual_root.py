"""The virtual platform's root: after a crash at any moment there is a whole one or none."""

from __future__ import annotations

import os
import pathlib

import pytest

from tobari.cli.virtual_root import ROOT, ensure_root


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[pathlib.Path]:
    """What was made durable, in order."""
    found: list[pathlib.Path] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        found.append(pathlib.Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return found


def test_a_crash_before_the_bytes_are_on_the_disk_leaves_no_root(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"

    def crash(descriptor: int) -> None:
        raise OSError("the power is gone")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", crash)
        with pytest.raises(OSError, match="power"):
            ensure_root(root, data=tmp_path / "data")
    assert not root.exists()
    ensure_root(root, data=tmp_path / "data")
    assert (root.stat().st_size, root.stat().st_mode & 0o777) == (ROOT, 0o600)


def test_the_root_and_every_folder_made_for_it_are_durable(tmp_path: pathlib.Path, synced: list[pathlib.Path]) -> None:
    root = tmp_path / "new" / "state" / "root"
    ensure_root(root, data=tmp_path / "data")
    folders, (temporary, *last) = synced[:2], synced[2:]
    assert folders == [tmp_path, tmp_path / "new"]
    assert (temporary.parent, last) == (root.parent, [root.parent]), "the bytes first, then their name"


def test_a_root_is_never_overwritten(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "root"
    ensure_root(root, data=tmp_path / "data")
    before = root.read_bytes()
    ensure_root(root, data=tmp_path / "data")
    assert root.read_bytes() == before
    assert list(tmp_path.iterdir()) == [root]
