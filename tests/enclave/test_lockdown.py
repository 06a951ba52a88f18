"""The keeper's lock-down, tried from inside a process that it locked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.enclave.workers.keeper import ROOT

GUARDS = ["landlock", "no-capabilities", "no-core", "no-new-privileges", "not-dumpable", "seccomp"]

LATE = """
import threading, tobari.enclave.lockdown as lockdown
stop = threading.Event()
threading.Thread(target=stop.wait).start()
print(*lockdown.apply())
stop.set()
"""
MISSING = """
from tobari.enclave import lockdown, syscalls
syscalls.pyseccomp = None
print(*lockdown.apply())
"""


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return json.loads(run("-m", "tests.enclave.workers.inside", "keeper"))


def test_every_guard_is_read_back(found: dict[str, Any]) -> None:
    assert found["guards"] == GUARDS


def test_every_attempt_is_refused(found: dict[str, Any]) -> None:
    assert len(found["attempts"]) > 80
    assert found["attempts"].pop("a core file after all") == "ValueError"
    assert {name: what for name, what in found["attempts"].items() if what not in ("EPERM", "EACCES")} == {}


def test_what_the_keeper_needs_goes_on_working(found: dict[str, Any]) -> None:
    assert set(found["needs"].values()) == {"done"}


def test_what_a_thread_escapes_is_not_claimed() -> None:
    claimed = run("-c", LATE).split()
    assert "landlock" not in claimed
    if os.geteuid() == 0:  # the other thread still has root's capabilities
        assert "no-capabilities" not in claimed
    assert "seccomp" in claimed


def test_what_the_machine_lacks_is_not_claimed() -> None:
    assert run("-c", MISSING).split() == [name for name in GUARDS if name != "seccomp"]
