"""`tobari verify evidence`: verdicts, documents and exit codes, over the vectors and over machines of the tests."""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cli.running import document, invoke
from tests.tools import logs, machines
from tests.tools.machines import HONEST, NONCE, POLICY, STRANGER
from tobari.client.profile import KnownService, Profile

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "evidence"
CASES = json.loads((VECTORS / "appraisal.json").read_text("utf-8"))
NOW = "2027-01-15T08:00:00Z"
KEYS = {"platform", "verdict", "reason", "debug", "measurement", "report_data", "tcb", "steps", "warnings"}


@pytest.fixture
def evidence(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "evidence.cbor"
    path.write_bytes(HONEST.bundle().encode())
    return path


@pytest.fixture
def policy(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY.to_toml(), encoding="utf-8")
    return path


def test_accepted(evidence: pathlib.Path, policy: pathlib.Path) -> None:
    result = invoke("verify", "evidence", evidence, "--policy", policy, "--at", NOW, "--nonce", NONCE.hex(), "--json")
    found = document(result)
    assert result.exit_code == 0
    assert set(found) >= KEYS
    assert (found["platform"], found["verdict"], found["reason"]) == ("virtual", "accepted", "evidence.accepted")
    assert [step["number"] for step in found["steps"]] == list(range(1, 13))
    assert found["measurement"] == HONEST.code.hex()
    assert found["claims"]["service"] == HONEST.claims.service.hex()
    assert found["debug"] is False
    assert [warning["code"] for warning in found["warnings"]] == ["virtual"]
    assert "protects nothing" in result.stderr


def test_as_text(evidence: pathlib.Path, policy: pathlib.Path) -> None:
    result = invoke("verify", "evidence", evidence, "--policy", policy, "--at", NOW)
    assert result.exit_code == 0
    assert result.stdout.endswith("Accepted: the policy trusts this machine.\n")
    assert result.stdout.count(HONEST.code.hex()) == 3


def test_the_policy_of_a_known_service(evidence: pathlib.Path, policy: pathlib.Path, tmp_path: pathlib.Path) -> None:
    known = KnownService(url="http://127.0.0.1:1", vkey=logs.KEY.vkey, policy=POLICY.to_toml(), first_checkpoint="")
    Profile(tmp_path).save_service("trial", known)
    env = {"TOBARI_HOME": str(tmp_path)}
    found = invoke("verify", "evidence", evidence, "--service", "trial", "--at", NOW, "--json", env=env)
    assert document(found)["verdict"] == "accepted"
    unknown = invoke("verify", "evidence", evidence, "--service", "other", "--json", env=env)
    assert (unknown.exit_code, document(unknown)["error"]["code"]) == (1, "client.no_known_service")
    assert invoke("verify", "evidence", evidence, "--service", "trial", "--policy", policy, env=env).exit_code == 2


def test_without_a_policy_only_authenticity_is_said(evidence: pathlib.Path) -> None:
    result = invoke("verify", "evidence", evidence, "--json")
    found = document(result)
    assert result.exit_code == 0
    assert set(found) >= KEYS
    assert (found["verdict"], found["reason"]) == ("authentic", "evidence.authentic")
    assert found["claims"]["origin"] == HONEST.claims.origin
    assert "no policy was given" in invoke("verify", "evidence", evidence).stdout


@pytest.mark.parametrize(
    ("machine", "code"),
    [
        (machines.Machine(debug=True), "evidence.debug"),
        (machines.Machine(report={"report_data": bytes(32)}), "evidence.report_data"),
    ],
)
def test_without_a_policy_refused(machine: machines.Machine, code: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "evidence.cbor"
    path.write_bytes(machine.bundle().encode())
    result = invoke("verify", "evidence", path, "--json")
    found = document(result)
    assert result.exit_code == 1
    assert (found["verdict"], found["reason"], found["error"]["code"]) == ("refused", code, code)
    assert found["steps"][-1]["ok"] is False
    assert found["claims"] is None
    assert f"[{code}]" in result.stderr


def test_without_a_policy_another_nonce_is_refused(evidence: pathlib.Path) -> None:
    result = invoke("verify", "evidence", evidence, "--nonce", "00" * 32, "--json")
    assert (result.exit_code, document(result)["reason"]) == (1, "evidence.stale_nonce")


def test_a_forged_signature_is_refused(tmp_path: pathlib.Path, policy: pathlib.Path) -> None:
    bundle = HONEST.bundle().encode().replace(machines.ROOT.public.raw, STRANGER.public.raw)
    path = tmp_path / "evidence.cbor"
    path.write_bytes(bundle)
    for words in ([], ["--policy", policy]):
        result = invoke("verify", "evidence", path, "--json", *words)
        found = document(result)
        assert (result.exit_code, found["verdict"], found["reason"]) == (1, "refused", "evidence.signature")
        assert found["platform"] == "virtual"


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "evidence.unrecognised"), (b"\xff" * 99, "evidence.unrecognised"), (bytes(2 << 20), "cli.file_size")],
)
def test_a_file_that_is_no_evidence(data: bytes, code: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "evidence"
    path.write_bytes(data)
    result = invoke("verify", "evidence", path, "--json")
    found = document(result)
    assert (result.exit_code, found["verdict"], found["reason"]) == (3, "refused", code)
    assert set(found) >= KEYS


def test_a_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    result = invoke("verify", "evidence", tmp_path / "none", "--json")
    assert (result.exit_code, document(result)["reason"]) == (3, "cli.file")


@pytest.mark.parametrize(("text", "code"), [("x", "policy.malformed"), ("\udcff", "cli.file_text")])
def test_a_policy_that_is_none(text: str, code: str, evidence: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    result = invoke("verify", "evidence", evidence, "--policy", path, "--json")
    assert (result.exit_code, document(result)["error"]["code"]) == (3, code)


@pytest.mark.parametrize("spelling", [bytes.hex, lambda data: base64.b64encode(data).decode()])
def test_other_spellings(spelling: object, tmp_path: pathlib.Path) -> None:
    assert callable(spelling)
    path = tmp_path / "evidence.txt"
    path.write_text(spelling(HONEST.bundle().encode()), encoding="ascii")
    assert invoke("verify", "evidence", path).exit_code == 0


@pytest.mark.parametrize("time", ["yesterday", "2027-01-15T08:00:00", "2027-01-15"])
def test_a_time_that_is_none(time: str, evidence: pathlib.Path) -> None:
    assert invoke("verify", "evidence", evidence, "--at", time).exit_code == 2


@pytest.mark.parametrize(("language", "word"), [("ja", "仮想"), ("en", "Virtual platform")])
def test_the_warning_speaks_the_users_language(language: str, word: str, evidence: pathlib.Path) -> None:
    result = invoke("verify", "evidence", evidence, env={"TOBARI_LANG": language})
    assert result.stderr.startswith(word)


def test_control_characters_do_not_reach_the_terminal(tmp_path: pathlib.Path) -> None:
    claims = dataclasses.replace(HONEST).claims
    hostile = dataclasses.replace(HONEST, claims=claims.with_nonce(b"\x1b[2J" * 4))
    path = tmp_path / "evidence.cbor"
    path.write_bytes(hostile.bundle().encode())
    result = invoke("verify", "evidence", path)
    assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_vectors_get_their_verdict(case: dict[str, Any], tmp_path: pathlib.Path) -> None:
    (tmp_path / "evidence").write_text(case["bundle"], encoding="ascii")
    (tmp_path / "policy.toml").write_text(case["policy"], encoding="utf-8")
    at = datetime.fromtimestamp(case["at"] / 1000, UTC).isoformat()
    nonce = ["--nonce", case["nonce"]] if case["nonce"] else []
    result = invoke(
        "verify", "evidence", tmp_path / "evidence", "--policy", tmp_path / "policy.toml", "--at", at, *nonce, "--json"
    )
    good = case["expect"] == "ok"
    found = document(result)
    assert (result.exit_code, found["verdict"]) == ((0, "accepted") if good else (1, "refused"))
    assert found["reason"] == ("evidence.accepted" if good else case["expect"])
