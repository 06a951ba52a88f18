"""The third step: is this machine, in this state, with this code, one that the policy trusts? (RFC 9334, section 8.5)

It takes facts that `verify` found authentic. It checks no signature and reads no clock: `at` is the relying party's own
time. Inside an enclave, whose clock is its host's, time-limited trust needs witnessed time instead.
"""

from __future__ import annotations

from tobari.base.errors import Untrusted
from tobari.evidence import caution
from tobari.evidence.claims import Claims, claims_digest, read_bound
from tobari.evidence.formats import virtual
from tobari.evidence.policy import AppraisalPolicy, PlatformPolicy, VirtualPolicy
from tobari.evidence.result import AttestationResult, EvidenceRefused, Step
from tobari.evidence.verified import VerifiedEvidence

CLOCK_SKEW = 120_000
"""Milliseconds by which the platform's clock may be ahead of the relying party's."""


def appraise(evidence: VerifiedEvidence, policy: AppraisalPolicy, *, nonce: bytes | None, at: int) -> AttestationResult:
    """Compare authentic evidence with a policy, in this order; the first step that fails ends it.

     1. The policy has a table for the platform, and `virtual` is allowed by its alarming name.
     2. The trust anchor that signed the report is one of the policy's roots.
     3. Debug is off.
     4. The measurements match one set of reference values that has not expired.
     5. The report data is the digest of the claims, and the claims can be read.
     6. All guards the policy requires are in force, and report and claims agree on them.
     7. The claims are those of the pinned service.
     8. The epoch is an accepted one.
     9. The programs are exactly the pinned ones.
    10. The configuration (members, roles, programs) is the pinned one.
    11. The claims carry the relying party's nonce.
    12. The report is not older than the policy allows, and not from the future.

    Args:
        nonce: what the relying party sent; None if it reads kept evidence, which rests on step 12 alone.
        at: milliseconds since 1970.

    Raises:
        EvidenceRefused: an Untrusted with `.result`; codes `evidence.platform_refused`, `evidence.virtual`,
            `evidence.root`, `evidence.debug`, `evidence.measurement`, `evidence.measurement_expired`,
            `evidence.report_data`, `evidence.claims`, `evidence.guards`, `evidence.service`, `evidence.epoch`,
            `evidence.programs`, `evidence.configuration`, `evidence.stale_nonce`, `evidence.age`.
    """
    record = _Record(evidence)
    table = _platform(record, policy)
    _machine(record, table, at=at)
    claims = _claims(record)
    _guards(record, table, claims)
    _service(record, policy, claims)
    _freshness(record, policy, claims, nonce=nonce, at=at)
    return record.result("evidence.accepted", claims)


class _Record:
    """The steps so far, and the result they make."""

    def __init__(self, evidence: VerifiedEvidence) -> None:
        self.evidence = evidence
        self.steps: list[Step] = []

    def step(
        self, number: int, title: str, *, expected: str, found: str, ok: bool | None, otherwise: Untrusted | None
    ) -> None:
        """Note a step; if it fails, end the appraisal with the code and advice of `otherwise`."""
        self.steps.append(Step(number=number, title=title, expected=expected, found=found, ok=ok))
        if ok is False:
            assert otherwise is not None
            message = f"Step {number}, {title}: {otherwise.message}"
            raise EvidenceRefused(otherwise.code, message, self.result(otherwise.code, None))

    def result(self, reason: str, claims: Claims | None) -> AttestationResult:
        evidence = self.evidence
        measurements = {name: value.hex() for name, value in evidence.measurements.items()}
        warnings = [caution.VIRTUAL] if evidence.platform == virtual.PLATFORM else []
        return AttestationResult(
            verdict="refused" if claims is None else "accepted",
            reason=reason,
            steps=list(self.steps),
            platform=evidence.platform,
            root=evidence.root.hex(),
            measurement=next(iter(measurements.values()), ""),
            measurements=measurements,
            report_data=evidence.report_data.hex(),
            debug=evidence.debug,
            tcb=evidence.tcb,
            guards=(evidence.guards or []) if claims is None else claims.guards,
            issued_at=evidence.issued_at,
            fields=evidence.fields,
            warnings=[*warnings, caution.DEBUG] if evidence.debug else warnings,
            claims=claims,
        )


def _platform(record: _Record, policy: AppraisalPolicy) -> PlatformPolicy:
    platform = record.evidence.platform
    table = policy.platform.table(platform)
    # 1. First the table, then the flag: each has its own reason code.
    by_name = isinstance(table, VirtualPolicy) and table.unsafe_allow_virtual
    if table is None:
        otherwise = Untrusted(
            "evidence.platform_refused", "The policy has no table for this platform, so it refuses it."
        )
    else:
        otherwise = Untrusted(
            "evidence.virtual",
            "This is the platform without hardware: it protects nothing from the machine's root. "
            "Only a policy that says unsafe_allow_virtual = true accepts it.",
        )
    record.step(
        1,
        "Platform",
        expected="a table in the policy" + (", and unsafe_allow_virtual" if platform == virtual.PLATFORM else ""),
        found=platform,
        ok=table is not None and (by_name or platform != virtual.PLATFORM),
        otherwise=otherwise,
    )
    assert table is not None
    return table


def _machine(record: _Record, table: PlatformPolicy, *, at: int) -> None:
    evidence = record.evidence
    # 2.
    record.step(
        2,
        "Trust anchor",
        expected=_any_of(table.roots),
        found=evidence.root.hex(),
        ok=evidence.root.hex() in table.roots,
        otherwise=Untrusted("evidence.root", "A root that the policy does not pin signed this report."),
    )
    # 3.
    record.step(
        3,
        "Debug",
        expected="on or off (unsafe_allow_debug)" if table.unsafe_allow_debug else "off",
        found="on" if evidence.debug else "off",
        ok=table.unsafe_allow_debug or not evidence.debug,
        otherwise=Untrusted("evidence.debug", "The operator of this machine can read the enclave's memory."),
    )
    # 4. An expired set is told apart from an unknown one: the first needs a new policy, the second a new machine.
    matching = [values for values in table.reference_values if values.match(evidence.measurements)]
    expired = Untrusted(
        "evidence.measurement_expired", "This code was accepted until a date that has passed: get a newer policy."
    )
    unknown = Untrusted("evidence.measurement", "The policy does not know this code: do not send it anything.")
    record.step(
        4,
        "Measurement",
        expected=_any_of([_named(v.measurements) for v in table.reference_values if not v.expired(at)]),
        found=_named({name: value.hex() for name, value in evidence.measurements.items()}),
        ok=any(not values.expired(at) for values in matching),
        otherwise=expired if matching else unknown,
    )


def _claims(record: _Record) -> Claims:
    evidence = record.evidence
    # 5.
    claims, failure = None, None
    try:
        claims = read_bound(evidence.claims, report_data=evidence.report_data)
    except Untrusted as error:
        failure = error
    record.step(
        5,
        "Claims",
        expected=claims_digest(evidence.claims).hex(),
        found=evidence.report_data.hex(),
        ok=claims is not None,
        otherwise=failure,
    )
    assert claims is not None
    return claims


def _guards(record: _Record, table: PlatformPolicy, claims: Claims) -> None:
    stated, in_force = record.evidence.guards, set(claims.guards)
    # 6.
    record.step(
        6,
        "Guards",
        expected=", ".join(table.guards) or "none required",
        found=", ".join(claims.guards) or "none",
        ok=set(table.guards) <= in_force and (stated is None or set(stated) == in_force),
        otherwise=Untrusted(
            "evidence.guards", "A guard that the policy requires is not in force, or report and claims disagree on it."
        ),
    )


def _service(record: _Record, policy: AppraisalPolicy, claims: Claims) -> None:
    # 7.
    record.step(
        7,
        "Service",
        expected=policy.service or "not pinned",
        found=claims.service.hex(),
        ok=None if policy.service is None else claims.service.hex() == policy.service,
        otherwise=Untrusted("evidence.service", "This is another service than the one the policy pins."),
    )
    # 8.
    record.step(
        8,
        "Epoch",
        expected="not pinned" if policy.epochs is None else _any_of([str(epoch) for epoch in policy.epochs]),
        found=str(claims.epoch),
        ok=None if policy.epochs is None else claims.epoch in policy.epochs,
        otherwise=Untrusted(
            "evidence.epoch", "The policy does not accept this epoch: ask a member for a newer policy."
        ),
    )
    # 9.
    found = {name: digest.hex() for name, digest in claims.programs.items()}
    record.step(
        9,
        "Programs",
        expected="not pinned" if policy.programs is None else _named(policy.programs),
        found=_named(found),
        ok=None if policy.programs is None else found == policy.programs,
        otherwise=Untrusted("evidence.programs", "The service does not run exactly the programs that the policy pins."),
    )
    # 10.
    configuration = claims.configuration.hex()
    record.step(
        10,
        "Configuration",
        expected=policy.configuration or "not pinned",
        found=configuration,
        ok=None if policy.configuration is None else configuration == policy.configuration,
        otherwise=Untrusted(
            "evidence.configuration",
            "The service was founded with other members, roles or programs than expected: compare the genesis file "
            "with the other members'.",
        ),
    )


def _freshness(record: _Record, policy: AppraisalPolicy, claims: Claims, *, nonce: bytes | None, at: int) -> None:
    # 11.
    record.step(
        11,
        "Nonce",
        expected="none was sent" if nonce is None else nonce.hex(),
        found=claims.nonce.hex(),
        ok=None if nonce is None else claims.nonce == nonce,
        otherwise=Untrusted("evidence.stale_nonce", "This evidence was made for another asker or at another time."),
    )
    # 12. A report without a time is as fresh as the nonce that step 11 compared.
    issued_at = record.evidence.issued_at
    age = None if issued_at is None else at - issued_at
    record.step(
        12,
        "Age",
        expected=f"at most {policy.max_age_seconds} s",
        found="the report carries no time" if age is None else f"{age / 1000:.0f} s",
        ok=nonce is not None if age is None else -CLOCK_SKEW <= age <= policy.max_age_seconds * 1000,
        otherwise=Untrusted(
            "evidence.age",
            "The report is too old, from the future, or of unknown age: fetch it again with a nonce, "
            "and compare the clocks.",
        ),
    )


def _any_of(values: list[str]) -> str:
    return " or ".join(values) or "none"


def _named(values: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(values.items())) or "none"
