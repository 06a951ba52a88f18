"""Our own vectors, vectors/evidence/*.json, through the public functions: any other implementation can do the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tobari.base.errors import TobariError
from tobari.evidence.appraise import appraise
from tobari.evidence.bundle import decode
from tobari.evidence.policy import from_toml
from tobari.evidence.recognise import recognise
from tobari.evidence.verify import verify
from vectors.generate_evidence import FOLDER, build


def run_appraisal(case: dict[str, Any]) -> None:
    nonce = case["nonce"] and bytes.fromhex(case["nonce"])
    verified = verify(decode(bytes.fromhex(case["bundle"])), at=case["at"])
    result = appraise(verified, from_toml(case["policy"]), nonce=nonce, at=case["at"])
    assert (result.verdict, result.reason) == ("accepted", "evidence.accepted")


def run_spellings(case: dict[str, Any]) -> None:
    assert recognise(bytes.fromhex(case["file"])).encode().hex() == case["bundle"]


def run_policies(case: dict[str, Any]) -> None:
    policy = from_toml(case["policy"])
    assert from_toml(policy.to_toml()) == policy


RUN = {"appraisal": run_appraisal, "spellings": run_spellings, "policies": run_policies}
CASES = [
    pytest.param(kind, case, id=f"{kind}/{case['name']}")
    for kind in RUN
    for case in json.loads((FOLDER / f"{kind}.json").read_text("utf-8"))
]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_case(kind: str, case: dict[str, Any]) -> None:
    if case["expect"] == "ok":
        RUN[kind](case)
        return
    with pytest.raises(TobariError) as caught:
        RUN[kind](case)
    assert caught.value.code == case["expect"]


def test_the_files_are_current() -> None:
    written = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert written == build(), "run: python -m vectors.generate_evidence"
