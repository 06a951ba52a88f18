"""The strictest policy accepts the evidence it was made from, and no other machine, service or state."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from tests.tools.machines import CLAIMS, HONEST, NONCE, NOW, POLICY, STRANGER, Machine
from tobari.base.errors import Untrusted
from tobari.evidence.appraise import appraise
from tobari.evidence.policy import from_toml
from tobari.evidence.strictest import policy_from
from tobari.evidence.verify import verify

OTHERS: dict[str, dict[str, Any]] = {
    "root": {"root": STRANGER},
    "code": {"code": bytes(32)},
    "debug": {"debug": True},
    "service": {"claims": msgspec.structs.replace(CLAIMS, service=bytes(32))},
    "epoch": {"claims": msgspec.structs.replace(CLAIMS, epoch=2)},
    "configuration": {"claims": msgspec.structs.replace(CLAIMS, configuration=bytes(32))},
    "program": {"claims": msgspec.structs.replace(CLAIMS, programs={})},
    "guards": {"claims": msgspec.structs.replace(CLAIMS, guards=["seccomp"])},
}


def test_it_accepts_what_it_was_made_from_also_after_travelling_as_text() -> None:
    travelled = from_toml(POLICY.to_toml())
    assert appraise(verify(HONEST.bundle(), at=NOW), travelled, nonce=NONCE, at=NOW).verdict == "accepted"


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_it_refuses_any_other(changes: dict[str, Any]) -> None:
    other = dataclasses.replace(HONEST, **changes).bundle()
    with pytest.raises(Untrusted):
        appraise(verify(other, at=NOW), POLICY, nonce=NONCE, at=NOW)


def test_it_accepts_the_same_service_after_a_restart() -> None:
    restarted = dataclasses.replace(HONEST, claims=msgspec.structs.replace(CLAIMS, node=b"\x0e" * 16))
    assert appraise(verify(restarted.bundle(), at=NOW), POLICY, nonce=NONCE, at=NOW).verdict == "accepted"


@pytest.mark.parametrize(
    ("machine", "code"),
    [
        (Machine(debug=True), "evidence.debug"),
        (Machine(report={"report_data": bytes(32)}), "evidence.report_data"),
        (Machine(report={"guards": []}), "evidence.guards"),
    ],
    ids=["debug", "claims-not-bound", "guards-contradict"],
)
def test_no_policy_is_made_from_evidence_that_none_should_accept(machine: Machine, code: str) -> None:
    with pytest.raises(Untrusted) as caught:
        policy_from(verify(machine.bundle(), at=NOW))
    assert caught.value.code == code


def test_no_policy_is_made_for_a_platform_that_has_no_table() -> None:
    foreign = msgspec.structs.replace(verify(HONEST.bundle(), at=NOW), platform="toaster")
    with pytest.raises(Untrusted) as caught:
        policy_from(foreign)
    assert caught.value.code == "evidence.platform_refused"
