"""The data directory: once it is opened, its name and all names above it are on the disk."""

from __future__ import annotations

import pathlib

import pytest

from tobari.host import datadir
from tobari.host.datadir import DataDirectory


def test_a_new_data_directory_is_durable_all_the_way_up(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[pathlib.Path] = []
    monkeypatch.setattr(datadir, "sync_directory", synced.append)
    path = tmp_path / "new" / "data"
    with DataDirectory(path):
        assert synced == [tmp_path, tmp_path / "new", path]
    synced.clear()
    with DataDirectory(path):
        assert synced == [path]
