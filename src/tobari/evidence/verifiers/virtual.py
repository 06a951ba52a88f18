"""Verify a report of platform `virtual`: the signature of its install-time root, which the bundle carries along.

A bare key has no chain and no validity period. Anyone can make such a root: the appraisal compares its thumbprint with
those that the policy pins.
"""

from __future__ import annotations

from tobari.base.errors import Untrusted
from tobari.crypto.labels import Label
from tobari.crypto.signing import VerifyingKey, verify1
from tobari.evidence.bundle import EvidenceBundle
from tobari.evidence.formats import virtual
from tobari.evidence.verified import VerifiedEvidence


def verify_virtual(bundle: EvidenceBundle, *, at: int) -> VerifiedEvidence:  # noqa: ARG001  keys without validity
    """
    Raises:
        Untrusted: `evidence.endorsements`.
        Unauthorized, Malformed, TooLarge: as `verify1` and `formats.virtual.parse` say.
    """
    root = VerifyingKey(_root(bundle.endorsements))
    payload = verify1(bundle.report, root, label=Label.VIRTUAL_EVIDENCE, max_bytes=virtual.MAX_REPORT)
    report = virtual.parse(payload)
    return VerifiedEvidence(
        platform=virtual.PLATFORM,
        root=root.thumbprint,
        measurements={"code": report.measurement},
        report_data=report.report_data,
        debug=report.debug,
        tcb=None,
        guards=report.guards,
        issued_at=report.issued_at,
        fields={
            "measurement": report.measurement.hex(),
            "report_data": report.report_data.hex(),
            "debug": report.debug,
            "guards": report.guards,
            "issued_at": report.issued_at,
        },
        claims=bundle.claims,
    )


def _root(endorsements: dict[str, bytes]) -> bytes:
    root = endorsements.get(virtual.ROOT_ENDORSEMENT, b"")
    if len(endorsements) != 1 or len(root) != 32:
        raise Untrusted(
            "evidence.endorsements", "Evidence of platform virtual carries one endorsement: its root, an Ed25519 key."
        )
    return root
