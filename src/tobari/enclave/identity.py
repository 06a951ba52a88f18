"""What the service is across restarts: its signing identity and its cluster secret, sealed to the platform.

One label for each key under the cluster secret: whoever gets one learns nothing of the others.
"""

from __future__ import annotations

import secrets

from tobari.base import wire
from tobari.base.messages.command import Digest
from tobari.base.wire import Message
from tobari.crypto.hpke import Kem
from tobari.crypto.kdf import derive, labelled_hash
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey, VerifyingKey

MAX_SEALED = 1 << 16


class ServiceSecrets(Message, frozen=True, kw_only=True):
    """Sealed by the platform, kept by the host."""

    identity: bytes
    cluster: bytes
    epoch: int
    configuration: Digest
    """SHA-256 of the genesis: a service is not handed another one later."""

    def __repr__(self) -> str:
        return f"ServiceSecrets(epoch={self.epoch}, …)"

    @classmethod
    def create(cls, *, configuration: bytes) -> ServiceSecrets:
        return cls(
            identity=secrets.token_bytes(32), cluster=secrets.token_bytes(32), epoch=1, configuration=configuration
        )

    @staticmethod
    def from_bytes(data: bytes) -> ServiceSecrets:
        return wire.from_cbor(data, ServiceSecrets, max_bytes=MAX_SEALED)

    def encode(self) -> bytes:
        return wire.to_cbor(self)

    def signing_key(self) -> SigningKey:
        """Signs checkpoints and nothing else."""
        return SigningKey.from_seed(self.identity)

    def key(self, label: Label) -> bytes:
        """The 32-byte secret for one use, in this epoch."""
        return derive(self.cluster, label=label, context=self.epoch.to_bytes(4, "big"))

    def kem_seeds(self) -> dict[Kem, bytes]:
        """Seeds of the service's HPKE keys of this epoch: the same on every node and after every restart."""
        secret = self.key(Label.SERVICE_KEM)
        return {
            kem: derive(secret, label=Label.SERVICE_KEM, context=bytes([index]), length=kem.seed_length)
            for index, kem in enumerate(Kem)
        }


def service_id(identity: VerifyingKey) -> bytes:
    """32 bytes that name the service: commands are addressed to it."""
    return labelled_hash(Label.SERVICE_ID, identity.raw)


def origin(service: bytes) -> str:
    """The origin line of its checkpoints, and the name of its key (C2SP tlog-checkpoint)."""
    return f"tobari/{service.hex()}"
