"""The demo as people run it: the whole thing once, and that it fails when something in it does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tobari.cli.demo import trial
from tobari.cli.demo.run import run
from tobari.cli.demo.scenes import data, evidence

DEMO = (sys.executable, "-m", "tobari.cli.main", "demo")
SCENES = ["data", "evidence", "owners", "analyst", "refusals", "operator", "restart", "stranger"]
MAY_BE_OPEN = {"operator.enclave", "operator.memory_closed", "operator.able"}
"""What stays unchecked: the enclave's memory always, the others where the kernel lets nobody read memory."""


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder), "TOBARI_LANG": "en"}


def _ended(pid: int) -> bool:
    """Within a few seconds."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def test_every_check_of_the_demo_holds(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--json"], capture_output=True, text=True, timeout=60, env=_environment(tmp_path), check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["ok"] is True
    assert document["seconds"] < 60
    checks = document["checks"]
    assert list(dict.fromkeys(check["scene"] for check in checks)) == SCENES
    assert {check["id"] for check in checks if check["ok"] is not True} <= MAY_BE_OPEN
    assert "operator.enclave" in document["not_checked"]
    assert [row["patients"] for row in document["answer"]] == [27, 42, 21, 36, 71, 29]
    assert not list(tmp_path.iterdir())
    (up,) = (check["facts"] for check in checks if check["id"] == "service.up")
    assert _ended(up["host"])
    assert _ended(up["enclave"])


def test_data_that_was_altered_ends_it_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOBARI_LANG", "en")
    monkeypatch.setattr(trial, "_recorded", lambda *_: False)
    assert run(stay=False, json=True, keep=tmp_path / "kept") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["error"]["code"] == "demo.failed"
    assert [check["ok"] for check in document["checks"]] == [False]
    assert not list((tmp_path / "kept").iterdir())


def test_code_that_is_not_the_measured_one_ends_it_and_stops_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOBARI_LANG", "en")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(evidence, "measure_code", lambda: bytes(32))
    assert run(stay=False, json=False, keep=None) == 1
    shown = capsys.readouterr()
    assert "     FAILED  The code that was measured is the source installed here" in shown.out
    assert "Sealing" not in shown.out
    assert "[demo.failed]" in shown.err
    host, enclave = re.findall(r"process (\d+)", shown.out)
    assert _ended(int(host))
    assert _ended(int(enclave))
    assert not list(tmp_path.iterdir())


def test_a_service_that_does_not_come_up_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tobari.cli.demo.consortium.genesis", lambda _: "this is no genesis file")
    assert run(stay=False, json=True, keep=tmp_path / "kept") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["code"] == "demo.service"
    assert all(check["scene"] == "data" for check in document["checks"])


def test_hospitals_that_lose_a_patient_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = trial.load()
    first, *others = whole.hospitals
    short = trial.Hospital(name=first.name, patients=first.patients[1:], planted=first.planted)
    lost = trial.Trial(**{**vars(whole), "hospitals": (short, *others)})
    monkeypatch.setattr(data.trial, "load", lambda: lost)
    assert run(stay=False, json=True, keep=tmp_path / "kept") == 1
    assert json.loads(capsys.readouterr().out)["checks"][-1]["id"] == "data.split"


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = subprocess.run([*DEMO, "--keep", str(tmp_path)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "[demo.folder]" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_service_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True, env=_environment(tmp_path)) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "tobari up" in line)
        process.send_signal(number)
        process.stdout.read()
        assert process.wait(20) != 0
    host, enclave = re.findall(r"process (\d+)", line)
    assert _ended(int(host))
    assert _ended(int(enclave))
    assert not list(tmp_path.iterdir())
