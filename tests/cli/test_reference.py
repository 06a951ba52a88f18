"""docs/reference/cli.md says what the program says."""

from __future__ import annotations

import pathlib
import re

import pytest

from tests.cli.running import ROOT, run
from tests.tools import cli

HOWTOS = sorted((ROOT / "docs" / "howto").glob("*.md"))


def test_the_reference_is_current() -> None:
    done = cli.PAGE.read_text("utf-8")
    assert done == cli.page(), "run: python -m tests.tools.cli"


def test_every_command_is_there() -> None:
    paths = [path for path, _ in cli.helps()]
    assert {"tobari up", "tobari demo", "tobari join", "tobari call", "tobari doctor"} <= set(paths)
    assert {"tobari verify evidence", "tobari verify log", "tobari verify receipt"} <= set(paths)
    assert {"tobari dataset check", "tobari dataset contribute", "tobari dataset withdraw"} <= set(paths)
    assert {"tobari room describe", "tobari room query", "tobari room releases"} <= set(paths)
    assert {"tobari keys new", "tobari keys list", "tobari keys show"} <= set(paths)


@pytest.mark.parametrize("path", [path for path, text in cli.helps() if "Commands:" not in text])
def test_every_command_prints_json_and_shows_an_example(path: str) -> None:
    text = dict(cli.helps())[path]
    assert "--json" in text
    assert re.search(rf"Example:\n\s+{path}", text)


@pytest.mark.parametrize("howto", HOWTOS, ids=lambda path: path.name)
def test_the_genesis_file_of_a_howto_is_one(howto: pathlib.Path, tmp_path: pathlib.Path) -> None:
    from tobari.base.messages.genesis import from_toml

    blocks = re.findall(r"^```toml\n(.*?)^```", howto.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for block in blocks:
        if "[[members]]" in block:
            from_toml(block)


def test_help_of_the_program_itself() -> None:
    assert run("--help").stdout.rstrip("\n") == dict(cli.helps())["tobari"]
