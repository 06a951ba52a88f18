"""Machines for tests: virtual attesters of any shape, from fixed seeds, and the policies they meet or do not."""

from __future__ import annotations

import dataclasses
from typing import Any

from tobari.crypto.hpke import Kem
from tobari.crypto.signing import SigningKey
from tobari.evidence.bundle import EvidenceBundle
from tobari.evidence.claims import Claims, KemKey, claims_digest
from tobari.evidence.formats import virtual
from tobari.evidence.policy import AppraisalPolicy
from tobari.evidence.strictest import policy_from
from tobari.evidence.verify import verify

NOW = 1_800_000_000_000
"""2027-01-15T08:00:00Z."""
NONCE = b"n" * 32
ROOT = SigningKey.from_seed(b"r" * 32)
STRANGER = SigningKey.from_seed(b"s" * 32)

CLAIMS = Claims(
    service=b"\x01" * 32,
    identity=SigningKey.from_seed(b"i" * 32).public.raw,
    origin="tobari.example/service",
    node=b"\x02" * 16,
    epoch=1,
    kems=[KemKey(kem=Kem.X25519, key=b"\x09" + bytes(31))],
    programs={"currency": b"\x03" * 32, "room": b"\x04" * 32},
    configuration=b"\x05" * 32,
    guards=["landlock", "seccomp"],
    nonce=NONCE,
)


@dataclasses.dataclass(frozen=True)
class Machine:
    """A virtual machine that says what it is told to."""

    root: SigningKey = ROOT
    code: bytes = b"\x06" * 32
    claims: Claims = CLAIMS
    debug: bool = False
    issued_at: int = NOW - 1000
    report: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Fields of the report that differ from what an honest machine would write."""

    def bundle(self) -> EvidenceBundle:
        claims = self.claims.encode()
        honest = {"report_data": claims_digest(claims), "guards": self.claims.guards}
        report = virtual.issue(
            root=self.root,
            measurement=self.code,
            debug=self.debug,
            issued_at=self.issued_at,
            **{**honest, **self.report},
        )
        return EvidenceBundle(
            platform="virtual", report=report, claims=claims, endorsements=virtual.endorsements(self.root.public)
        )


HONEST = Machine()
POLICY: AppraisalPolicy = policy_from(verify(HONEST.bundle(), at=NOW))
"""Pins everything about HONEST."""
