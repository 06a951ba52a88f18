"""A report shows what the checks found, and ends at the first that fails."""

from __future__ import annotations

import json

import pytest

from tobari.base.errors import Broken, Unavailable
from tobari.cli.demo.report import Report
from tobari.cli.output import Output


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOBARI_LANG", "en")


def test_a_line_is_a_verdict_and_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Output(json=False))
    report.scene("analyst", least=20)
    report.check("analyst.alone", True, hospital="hospital-a", cells=1, all=6)
    report.check("operator.enclave", None, pid=7)
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].startswith("One question")
    assert shown[2] == "         ok  hospital-a alone: 1 of 6 groups"
    assert shown[3].startswith("not checked  Memory of the enclave (process 7)")


def test_a_check_that_fails_is_shown_and_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Output(json=False))
    with pytest.raises(Broken) as failed:
        report.check("analyst.alone", False, hospital="hospital-a", cells=6, all=6)
    assert failed.value.code == "demo.failed"
    assert capsys.readouterr().out == "     FAILED  hospital-a alone: 6 of 6 groups\n"


def test_what_the_facts_hold_cannot_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Report(Output(json=False)).check("refused.stranger", True, message="\x1b[2J", code="x.y")
    assert "\x1b" not in capsys.readouterr().out


def test_the_document_holds_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Output(json=True))
    report.scene("analyst", least=20)
    report.check("analyst.alone", True, hospital="hospital-a", cells=1, all=6)
    report.check("operator.enclave", None, pid=7)
    report.table(("sex", "patients"), [("female", 27)])
    report.end()
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert document["not_checked"] == ["operator.enclave"]
    assert document["answer"] == [{"sex": "female", "patients": 27}]
    assert document["checks"][0] == {
        "scene": "analyst",
        "id": "analyst.alone",
        "ok": True,
        "text": "hospital-a alone: 1 of 6 groups",
        "facts": {"hospital": "hospital-a", "cells": 1, "all": 6},
    }


def test_an_early_end_is_never_a_good_one(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Output(json=False))
    report.check("analyst.alone", True, hospital="hospital-a", cells=1, all=6)
    document = report.ended(Unavailable("demo.service", "The service did not come up."))
    assert document["ok"] is False
    assert document["error"]["code"] == "demo.service"
    assert "FAILED  The service did not come up." in capsys.readouterr().out
