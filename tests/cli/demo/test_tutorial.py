"""The tutorial explains every check of the demo, and no others."""

from __future__ import annotations

import pathlib
import re

from tobari.cli.demo import lines

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "tutorial" / "demo.md"
NO_CHECKS = {"scene", "verdict", "end", "stay"}


def test_every_check_has_its_row() -> None:
    rows = [row.split("|")[1] for row in PAGE.read_text("utf-8").splitlines() if row.startswith("|")]
    explained = {check for row in rows for check in re.findall(r"`([a-z]+\.[a-z_]+)`", row)}
    assert explained == {key for key in lines.catalogue() if key.partition(".")[0] not in NO_CHECKS}
