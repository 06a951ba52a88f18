"""`tobari verify evidence`: recognise, verify, and appraise or say that nothing was appraised (spec/evidence.md)."""

from __future__ import annotations

import hmac
import time
from pathlib import Path
from typing import Any

from tobari.base import wire
from tobari.base.errors import TobariError, Untrusted
from tobari.cli import failures, files, texts
from tobari.cli.failures import BadInput, Declined, Exit, local_input
from tobari.cli.output import Output, hexed
from tobari.cli.steps import show_steps
from tobari.client.profile import Profile
from tobari.evidence import caution
from tobari.evidence.appraise import appraise
from tobari.evidence.bundle import MAX_BUNDLE, EvidenceBundle
from tobari.evidence.claims import claims_digest, read_bound
from tobari.evidence.formats import virtual
from tobari.evidence.policy import MAX_POLICY, AppraisalPolicy, from_toml
from tobari.evidence.recognise import recognise
from tobari.evidence.result import AttestationResult, EvidenceRefused, Step
from tobari.evidence.verified import VerifiedEvidence
from tobari.evidence.verify import verify

_NOTHING: dict[str, Any] = {
    "platform": None,
    "root": None,
    "measurement": None,
    "measurements": {},
    "report_data": None,
    "debug": None,
    "tcb": None,
    "guards": [],
    "issued_at": None,
    "fields": {},
    "claims": None,
    "steps": [],
    "warnings": [],
}
"""What is known of evidence that was not even authentic."""


_FACTS = ("platform", "root", "measurement", "report_data", "debug", "tcb", "guards")


def verify_evidence(
    output: Output, file: Path, *, policy: Path | None, service: str | None, at: int | None, nonce: bytes | None
) -> None:
    """Print the result.

    Args:
        policy: a file; without it the policy of the known `service` counts, and without both none.
        at: milliseconds since 1970, None for now.

    Raises:
        Declined: it does not hold, or is no evidence.
        BadInput: the policy file is at fault.
        NotFound: `client.no_known_service`.
    """
    at = time.time_ns() // 1_000_000 if at is None else at
    rules = _policy(policy, service)
    known: dict[str, Any] = dict(_NOTHING)
    code = Exit.REFUSED
    error: TobariError
    try:
        bundle = _bundle(file)
        known["platform"] = bundle.platform
        verified = verify(bundle, at=at)
        if rules is None:
            _authenticate(known, verified, nonce=nonce)
        else:
            known |= _result(appraise(verified, rules, nonce=nonce, at=at))
    except EvidenceRefused as refused:
        known |= _result(refused.result)
        error = refused
    except Untrusted as untrusted:
        error = untrusted
    except BadInput as bad:
        error, code = bad.error, Exit.INPUT
    else:
        _show(output, known, texts.say(known["reason"]))
        return
    known |= {"verdict": "refused", "reason": error.code, **failures.document(error)}
    _show(output, known, texts.say("refused"))
    raise Declined(error, code=code)


def _policy(path: Path | None, service: str | None) -> AppraisalPolicy | None:
    if service is not None:
        return Profile.default().service(service).appraisal_policy
    if path is None:
        return None
    with local_input():
        return from_toml(files.read_text(path, limit=4 * MAX_POLICY))


def _bundle(path: Path) -> EvidenceBundle:
    with local_input():
        return recognise(files.read_bytes(path, limit=MAX_BUNDLE))


def _authenticate(known: dict[str, Any], evidence: VerifiedEvidence, *, nonce: bytes | None) -> None:
    """Fill in the facts of evidence that no policy judges. The steps have the numbers they have in `appraise`.

    Raises:
        Untrusted: `evidence.debug`, `evidence.report_data`, `evidence.claims`, `evidence.stale_nonce`.
    """
    measurements = {name: value.hex() for name, value in evidence.measurements.items()}
    known |= {
        "root": evidence.root.hex(),
        "measurement": next(iter(measurements.values()), ""),
        "measurements": measurements,
        "report_data": evidence.report_data.hex(),
        "debug": evidence.debug,
        "tcb": evidence.tcb,
        "guards": evidence.guards or [],
        "issued_at": evidence.issued_at,
        "fields": evidence.fields,
        "steps": (steps := []),
        "warnings": [wire.to_builtins(caution.VIRTUAL)] if evidence.platform == virtual.PLATFORM else [],
    }

    def step(number: int, title: str, expected: str, found: str, ok: bool | None) -> None:
        steps.append(wire.to_builtins(Step(number=number, title=title, expected=expected, found=found, ok=ok)))

    # 3
    step(3, "Debug", "off", "on" if evidence.debug else "off", not evidence.debug)
    if evidence.debug:
        raise Untrusted("evidence.debug", "Debug is on: whoever operates this machine can read the enclave's memory.")
    # 5
    bound, found = claims_digest(evidence.claims).hex(), evidence.report_data.hex()
    try:
        claims = read_bound(evidence.claims, report_data=evidence.report_data)
    except Untrusted:
        step(5, "Claims", bound, found, False)
        raise
    step(5, "Claims", bound, found, True)
    # 10
    same = None if nonce is None else hmac.compare_digest(claims.nonce, nonce)
    step(10, "Nonce", "none was sent" if nonce is None else nonce.hex(), claims.nonce.hex(), same)
    if same is False:
        raise Untrusted("evidence.stale_nonce", "This evidence was made for another asker or at another time.")
    known |= {"verdict": "authentic", "reason": "evidence.authentic", "claims": hexed(wire.to_builtins(claims))}


def _result(result: AttestationResult) -> dict[str, Any]:
    found: dict[str, Any] = hexed(wire.to_builtins(result))
    return found


def _show(output: Output, known: dict[str, Any], summary: str) -> None:
    for warning in known["warnings"]:
        output.warn(texts.caution(wire.convert(warning, caution.Caution)))
    output.document(known)
    if known["platform"] is not None:
        output.facts({name: known[name] for name in _FACTS if known[name] is not None})
    show_steps(output, known["steps"])
    output.text(summary)
