"""`tobari doctor`: every check has a verdict and advice, and what fails ends it with exit code 1."""

from __future__ import annotations

import pathlib

import pytest

from tests.cli.running import document, invoke
from tests.tools import machines
from tobari.cli import machine
from tobari.cli.findings import fail, ok, warn
from tobari.client.attestation import origin_of, service_id_of
from tobari.client.profile import KnownService, Profile
from tobari.crypto.signing import SigningKey
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.note import NoteKey
from tobari.ledger.path import EMPTY_ROOT


@pytest.fixture
def env(tmp_path: pathlib.Path) -> dict[str, str]:
    return {"TOBARI_HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}


def test_this_machine(env: dict[str, str]) -> None:
    result = invoke("doctor", "--json", env=env)
    found = document(result)
    names = [check["name"] for check in found["checks"]]
    assert names[:3] == ["python", "packages", "extra node"]
    assert {"landlock", "seccomp", "memfd", "user", "disk", "clock", "keys"} <= set(names)
    assert result.exit_code == (1 if found["failures"] else 0)
    assert all(check["advice"] for check in found["checks"] if check["verdict"] != "ok")


def test_extras_are_those_of_the_package() -> None:
    assert {"prometheus-client", "uvicorn"} <= set(machine.required("node"))
    assert "duckdb" in machine.required("room")
    assert "httpx2" in machine.required(None)
    assert not set(machine.required(None)) & {"uvicorn", "duckdb"}


def test_a_package_that_an_isolated_python_misses_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine._isolated().verdict == "ok"
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    found = machine._isolated()
    assert (found.verdict, "venv" in found.advice) == ("warn", True)


@pytest.mark.parametrize(
    ("found", "exit_code", "summary"),
    [
        ([ok("a", "good")], 0, "Everything is in order."),
        ([ok("a", "good"), warn("b", "so-so", "Do that.")], 0, "In order, with 1 warnings."),
        ([warn("b", "so-so", "Do that."), fail("c", "bad", "Do this.")], 1, "1 checks failed."),
    ],
)
def test_the_exit_code(
    found: list[object], exit_code: int, summary: str, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    monkeypatch.setattr(machine, "examine", lambda: found)
    result = invoke("doctor", env=env)
    assert result.exit_code == exit_code
    assert result.stdout.splitlines()[-1] == summary


def test_a_key_that_others_can_read_fails(env: dict[str, str]) -> None:
    invoke("keys", "new", "alice", env=env)
    next((pathlib.Path(env["TOBARI_HOME"]) / "keys").glob("alice*")).chmod(0o644)
    found = {check["name"]: check for check in document(invoke("doctor", "--json", env=env))["checks"]}
    assert (found["key alice"]["verdict"], found["key alice"]["found"]) == ("fail", "client.not_private")


def test_a_virtual_root_that_others_can_read_fails(env: dict[str, str]) -> None:
    root = pathlib.Path(env["XDG_STATE_HOME"]) / "tobari" / "virtual-root"
    root.parent.mkdir(parents=True)
    root.write_bytes(bytes(32))
    root.chmod(0o640)
    found = {check["name"]: check for check in document(invoke("doctor", "--json", env=env))["checks"]}
    assert found["virtual root"]["verdict"] == "fail"


def test_a_service_that_does_not_answer_is_a_warning(env: dict[str, str]) -> None:
    identity = SigningKey.from_seed(b"i" * 32)
    origin = origin_of(service_id_of(identity.public))
    known = KnownService(
        url="http://127.0.0.1:1",
        vkey=NoteKey(name=origin, key=identity.public).vkey,
        policy=machines.POLICY.to_toml(),
        first_checkpoint=Checkpoint(origin=origin, tree_size=0, root_hash=EMPTY_ROOT).sign(identity),
    )
    Profile(pathlib.Path(env["TOBARI_HOME"])).save_service("trial", known)
    found = {check["name"]: check for check in document(invoke("doctor", "--json", env=env))["checks"]}
    assert (found["service trial"]["verdict"], found["service trial"]["found"]) == ("warn", "client.unreachable")
