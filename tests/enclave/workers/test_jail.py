"""The jail, tried from inside a worker that entered it (tests/enclave/workers/inside.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.enclave.workers.keeper import ROOT

GUARDS = [
    "ceilings",
    "closed-descriptors",
    "dies-with-server",
    "empty-environment",
    "landlock",
    "no-capabilities",
    "no-core",
    "no-new-privileges",
    "not-dumpable",
    "seccomp",
]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.enclave.workers.inside"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=True,
        env={**os.environ, "TOBARI_CANARY": "sings"},
    )
    found = json.loads(done.stdout)
    assert "error" not in found, found
    return found


def test_every_guard_is_read_back(found: dict[str, Any]) -> None:
    assert found["guards"] == GUARDS


def test_outside_the_jail_the_same_succeeds(found: dict[str, Any]) -> None:
    assert set(found["control"].values()) == {"done"}


def test_every_attempt_is_refused(found: dict[str, Any]) -> None:
    assert len(found["attempts"]) > 90
    assert set(found["control"]) <= set(found["attempts"])
    assert found["attempts"].pop("a core file after all") == "ValueError"
    assert {name: what for name, what in found["attempts"].items() if what not in ("EPERM", "EACCES")} == {}


def test_the_environment_is_empty_and_nothing_is_inherited(found: dict[str, Any]) -> None:
    seen = found["seen"]
    assert seen["environment"] == 0
    assert seen["descriptors"] == [0, 1, 2, found["report"]]
    assert set(seen["streams"]) == {"/dev/null"}


def test_a_worker_can_still_work(found: dict[str, Any]) -> None:
    assert found["answer"] == [[499500]]
    assert found["seen"]["thread"] == "done"
    assert found["seen"]["code"] == "done"


def test_the_engine_refuses_too(found: dict[str, Any]) -> None:
    refusals = {"PermissionException", "CatalogException", "InvalidInputException"}
    assert {attack: what for attack, what in found["sql"].items() if what not in refusals} == {}
