"""Evidence about this enclave: its claims, bound by their digest to a report of the platform (RFC 9334)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from tobari.base import wire
from tobari.base.errors import Malformed
from tobari.crypto.hpke import Kem
from tobari.crypto.signing import VerifyingKey
from tobari.enclave.platform import Platform
from tobari.evidence.bundle import EvidenceBundle
from tobari.evidence.claims import Claims, KemKey, claims_digest

NONCE = 32


class Attester:
    """Makes fresh evidence once the keeper has told it what the service is."""

    def __init__(self, *, platform: Platform, programs: Mapping[str, bytes], guards: list[str]) -> None:
        self._platform = platform
        self._programs = programs
        self._guards = guards
        self._node = secrets.token_bytes(16)

    def serve(
        self,
        *,
        service: bytes,
        origin: str,
        identity: VerifyingKey,
        epoch: int,
        kems: dict[Kem, bytes],
        programs: list[str],
        configuration: bytes,
    ) -> None:
        """The service is live: this is what its evidence claims from now on."""
        self._claims = Claims(
            service=service,
            origin=origin,
            identity=identity.raw,
            node=self._node,
            epoch=epoch,
            kems=[KemKey(kem=kem, key=key) for kem, key in kems.items()],
            programs={name: self._programs[name] for name in programs},
            configuration=configuration,
            guards=self._guards,
            nonce=bytes(NONCE),
        )

    def evidence(self, nonce: bytes) -> bytes:
        """A fresh bundle over the caller's nonce (32 bytes).

        Raises:
            Malformed: `evidence.nonce`.
        """
        if len(nonce) != NONCE:
            raise Malformed("evidence.nonce", "A nonce has 32 bytes.")
        claims = wire.to_cbor(self._claims.with_nonce(nonce))
        report, endorsements = self._platform.attest(claims_digest(claims), guards=self._guards)
        return wire.to_cbor(
            EvidenceBundle(platform=self._platform.name, report=report, claims=claims, endorsements=endorsements)
        )
