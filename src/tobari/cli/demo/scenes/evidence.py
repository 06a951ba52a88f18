"""The operator starts the service; each member appraises it, and two policies that do not fit refuse it."""

from __future__ import annotations

import msgspec

from tobari.cli import texts
from tobari.cli.demo.cast import Cast, refusal
from tobari.cli.demo.report import Report
from tobari.client.invite import Invite, parse
from tobari.client.session import Session
from tobari.enclave.measure import measure_code, program_digest
from tobari.enclave.programs.room import Room
from tobari.evidence.policy import AppraisalPolicy, Platforms, ReferenceValues
from tobari.evidence.result import AttestationResult, EvidenceRefused

_DIGEST = 64
"""Digits."""
_LIST = 6
"""Words."""


def play(report: Report, cast: Cast) -> Invite:
    """The invite under which everybody joined."""
    report.scene("evidence")
    cast.start_service()
    enclave = cast.service.enclave()
    report.check("service.up", enclave is not None, host=cast.service.pid, enclave=enclave)
    invite = parse(str(cast.service.said["invite"]))
    first = cast.hospitals[0].join(invite, via=cast.tap.url).attestation
    for warning in first.warnings:
        report.warning(texts.caution(warning))
    for step in first.steps:
        report.check("evidence.step", step.ok, number=step.number, title=step.title, found=_short(step.found))
    _source(report, first)
    for actor in cast.members[1:]:
        actor.join(invite, via=cast.tap.url)
    agreed = {(member.session.attested.service, member.session.attested.key) for member in cast.members}
    accepted = all(member.session.attestation.verdict == "accepted" for member in cast.members)
    report.check("evidence.members", accepted and len(agreed) == 1, members=len(cast.members))
    _refusals(report, cast, invite.policy)
    return invite


def _source(report: Report, result: AttestationResult) -> None:
    """The reference values are not taken on trust: whoever has the source measures it."""
    claims = result.claims
    programs = {} if claims is None else claims.programs
    same = result.measurement == measure_code().hex() and programs.get("room") == program_digest(Room)
    report.check("evidence.source", same)


def _refusals(report: Report, cast: Cast, policy: AppraisalPolicy) -> None:
    table = policy.platform.virtual
    assert table is not None
    careful = msgspec.structs.replace(table, unsafe_allow_virtual=False)
    refused = _refused(cast, msgspec.structs.replace(policy, platform=Platforms(virtual=careful)))
    report.check("evidence.virtual", refused is not None and refused[1] == "evidence.virtual", **_facts(refused))

    other = ReferenceValues(measurements=dict.fromkeys(table.reference_values[0].measurements, "00" * 32))
    elsewhere = msgspec.structs.replace(table, reference_values=[other])
    before = cast.tap.requests()
    refused = _refused(cast, msgspec.structs.replace(policy, platform=Platforms(virtual=elsewhere)))
    sent = cast.tap.requests()[len(before) :]
    as_wished = refused is not None and refused[1] == "evidence.measurement" and sent == ["GET /v1/evidence"]
    report.check("evidence.measurement", as_wished, sent=", ".join(sent), **_facts(refused))


def _refused(cast: Cast, policy: AppraisalPolicy) -> tuple[int, str] | None:
    """Number and code of the step at which a policy refuses the service; None if it does not."""
    error = refusal(lambda: Session.connect(cast.tap.url, policy=policy, trust=cast.analyst.profile.trust).close())
    if not isinstance(error, EvidenceRefused):
        return None
    return error.result.steps[-1].number, error.code


def _facts(refused: tuple[int, str] | None) -> dict[str, object]:
    number, code = refused or (None, None)
    return {"number": number, "code": code}


def _short(text: str) -> str:
    """Digests by their first 16 digits, long lists by their length and beginning."""
    words = [word if len(word) < _DIGEST else f"{word[: 16 - _DIGEST]}…" for word in text.split(" ")]
    if len(words) > _LIST:
        return f"{len(words)}: {' '.join(words[:_LIST])} …"
    return " ".join(words)
