"""What the operator's scene says when something *is* found."""

from __future__ import annotations

import pytest

from tobari.base.errors import Broken
from tobari.cli.demo.report import Report
from tobari.cli.demo.scenes import operator
from tobari.cli.demo.search import Findings, text
from tobari.cli.output import Output

PUBLIC = text("the log's name", "tobari/00")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOBARI_LANG", "en")


def test_a_secret_on_the_disk_is_named_and_ends_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    findings = Findings(bytes_read=2_000_000, found={"the question": ["log.sqlite"], PUBLIC.name: ["log.sqlite"]})
    with pytest.raises(Broken):
        operator._shown(Report(Output(json=False)), "operator.disk", findings, PUBLIC, files=3)
    assert capsys.readouterr().out == "     FAILED  Its disk, 3 files, 2.0 MB: the question\n"


@pytest.mark.parametrize("found", [{}, {PUBLIC.name: ["log.sqlite"]}])
def test_finding_nothing_counts_only_where_the_public_name_is_found(
    found: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    findings = Findings(bytes_read=2_000_000, found=found)
    seen = operator._shown(Report(Output(json=False)), "operator.disk", findings, PUBLIC, files=3)
    assert seen == bool(found)
    assert capsys.readouterr().out == "         ok  Its disk, 3 files, 2.0 MB: nothing\n"
