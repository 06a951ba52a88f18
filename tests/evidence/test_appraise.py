"""Which steps an appraisal has, what it records, and what only an accepted one gives away."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from tests.tools.machines import CLAIMS, HONEST, NONCE, NOW, POLICY, STRANGER, Machine
from tobari.base import wire
from tobari.base.errors import Untrusted
from tobari.evidence import caution
from tobari.evidence.appraise import appraise
from tobari.evidence.policy import AppraisalPolicy
from tobari.evidence.result import AttestationResult, EvidenceRefused
from tobari.evidence.verified import VerifiedEvidence
from tobari.evidence.verify import verify

changed = msgspec.structs.replace
VERIFIED = verify(HONEST.bundle(), at=NOW)
UNPINNED = AppraisalPolicy(platform=POLICY.platform)


def refusal(evidence: VerifiedEvidence, *, nonce: bytes | None = NONCE) -> EvidenceRefused:
    with pytest.raises(EvidenceRefused) as caught:
        appraise(evidence, POLICY, nonce=nonce, at=NOW)
    return caught.value


def test_the_steps_are_numbered_as_the_docstring_says() -> None:
    steps = appraise(VERIFIED, POLICY, nonce=NONCE, at=NOW).steps
    listed = [int(number) for number in re.findall(r"^ +(\d+)\. ", appraise.__doc__ or "", re.MULTILINE)]
    assert [step.number for step in steps] == listed == list(range(1, 13))
    assert all(step.ok for step in steps)


def test_a_step_that_compares_nothing_says_so() -> None:
    steps = appraise(VERIFIED, UNPINNED, nonce=None, at=NOW).steps
    assert {step.title for step in steps if step.ok is None} == {
        "Service",
        "Epoch",
        "Programs",
        "Configuration",
        "Nonce",
    }


def test_the_step_that_fails_is_the_last_and_carries_what_was_found() -> None:
    error = refusal(verify(Machine(root=STRANGER).bundle(), at=NOW))
    assert isinstance(error, Untrusted)
    assert [step.ok for step in error.result.steps] == [True, False]
    assert error.result.steps[-1].found == STRANGER.public.thumbprint.hex()
    assert error.message.startswith("Step 2, Trust anchor: ")
    assert (error.result.verdict, error.result.reason) == ("refused", error.code)


def test_keys_come_out_of_an_accepted_result_only() -> None:
    assert appraise(VERIFIED, POLICY, nonce=NONCE, at=NOW).claims == CLAIMS
    assert refusal(VERIFIED, nonce=b"m" * 32).result.claims is None


def test_a_message_carries_no_data() -> None:
    message = str(refusal(VERIFIED, nonce=b"m" * 32))
    assert CLAIMS.nonce.hex() not in message
    assert CLAIMS.service.hex() not in message


def test_virtual_warns_in_both_languages_even_if_accepted() -> None:
    (warning,) = appraise(VERIFIED, POLICY, nonce=NONCE, at=NOW).warnings
    assert warning == caution.VIRTUAL
    assert "protects nothing from the root user" in warning.en
    assert "何も守れません" in warning.ja


def test_debug_warns_too() -> None:
    error = refusal(verify(Machine(debug=True).bundle(), at=NOW))
    assert error.result.warnings == [caution.VIRTUAL, caution.DEBUG]


def test_the_result_is_json_with_digests_in_hex() -> None:
    result = appraise(VERIFIED, POLICY, nonce=NONCE, at=NOW)
    text = wire.to_json(result)
    plain = json.loads(text)
    assert plain["measurement"] == HONEST.code.hex()
    assert plain["measurements"] == {"code": HONEST.code.hex()}
    assert plain["report_data"] == VERIFIED.report_data.hex()
    assert (plain["platform"], plain["debug"], plain["tcb"]) == ("virtual", False, None)
    assert wire.from_json(text, AttestationResult) == result


def test_a_longer_report_data_field_ends_in_zeros() -> None:
    padded = changed(VERIFIED, report_data=VERIFIED.report_data.ljust(64, b"\0"))
    assert appraise(padded, POLICY, nonce=NONCE, at=NOW).verdict == "accepted"
    assert refusal(changed(padded, report_data=padded.report_data[:-1] + b"\1")).code == "evidence.report_data"


@pytest.mark.parametrize("length", [0, 16, 31])
def test_a_cut_report_data_binds_nothing(length: int) -> None:
    assert refusal(changed(VERIFIED, report_data=VERIFIED.report_data[:length])).code == "evidence.report_data"


def test_a_platform_that_states_no_guards_leaves_them_to_the_claims() -> None:
    result = appraise(changed(VERIFIED, guards=None), POLICY, nonce=NONCE, at=NOW)
    assert result.guards == CLAIMS.guards


def test_a_report_without_a_time_is_as_fresh_as_its_nonce() -> None:
    timeless = changed(VERIFIED, issued_at=None)
    assert appraise(timeless, POLICY, nonce=NONCE, at=NOW).steps[-1].ok is True
    assert refusal(timeless, nonce=None).code == "evidence.age"
