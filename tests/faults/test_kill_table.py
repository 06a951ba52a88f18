"""The kill table, short: one row of each kind. `make faults` runs all of it, several times over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.kill_table import ROWS
from tests.faults.world import World

SHORT = [
    {
        "a commit: entries made, not sent: enclave",
        "a commit: durable, not acknowledged: host",
        "a snapshot: the old one removed, the new one not there: host",
        "an upload: with its name, the folder not synced: host",
    },
    {
        "a job: in the worker: worker",
        "a job: in the worker: worker server",
        "a full disk: the log cannot grow: nobody",
        "a torn page: of a transaction that nobody was told of: host",
    },
]


@pytest.mark.parametrize("names", SHORT, ids=["commits", "jobs-and-disks"])
def test_nothing_acknowledged_is_ever_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: set[str]) -> None:
    for module in ("protocol", "objects"):  # as `load.hurry` does, and undone afterwards
        monkeypatch.setattr(f"tobari.client.{module}.PAUSES", ())
    rows = [row for row in ROWS if row.name in names]
    assert len(rows) == len(names)
    with World.open(tmp_path) as world:
        for row in rows:
            row.round(world)


def test_the_page_has_the_rows_of_the_table() -> None:
    assert report.rows_of(report.PAGE.read_text("utf-8")) == [
        (row.during, row.step, row.victim, row.found) for row in ROWS
    ]


def test_rows_have_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
