"""The platform without hardware: for development, tests and the demo. It protects nothing from the machine's root.

Its root is 32 random bytes made at install time, kept outside the data directory and handed in as an open descriptor.
Evidence is signed by a key derived from it and says `virtual`; an appraisal policy accepts that by an alarming name
only.
"""

from __future__ import annotations

import os
import secrets
import time

from tobari.base.errors import Malformed, TobariError, Untrusted
from tobari.crypto.aead import NONCE, AeadKey
from tobari.crypto.kdf import derive
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey
from tobari.evidence.formats import virtual

ROOT = 32
_SALT = 32


class VirtualPlatform:
    """An attester whose word is as good as the file its root came from."""

    name = "virtual"

    def __init__(self, *, root: bytes, measurement: bytes) -> None:
        if len(root) != ROOT:
            raise Malformed("platform.root", "The root of the virtual platform has 32 bytes; make it with 'tobari up'.")
        self._signing = SigningKey.from_seed(derive(root, label=Label.VIRTUAL_SIGNING))
        self._sealing = derive(root, label=Label.VIRTUAL_SEALING)
        self._measurement = measurement

    @classmethod
    def from_descriptor(cls, descriptor: int, *, measurement: bytes) -> VirtualPlatform:
        """Read the root from an inherited descriptor and close it."""
        with os.fdopen(descriptor, "rb") as file:
            return cls(root=file.read(ROOT + 1), measurement=measurement)

    def attest(self, report_data: bytes, *, guards: list[str]) -> tuple[bytes, dict[str, bytes]]:
        report = virtual.issue(
            root=self._signing,
            measurement=self._measurement,
            report_data=report_data,
            guards=guards,
            issued_at=time.time_ns() // 1_000_000,
        )
        return report, virtual.endorsements(self._signing.public)

    def seal(self, plaintext: bytes) -> bytes:
        salt = secrets.token_bytes(_SALT)
        return salt + self._key(salt).seal(nonce=bytes(NONCE), plaintext=plaintext, aad=b"")

    def unseal(self, sealed: bytes) -> bytes:
        try:
            return self._key(sealed[:_SALT]).open(nonce=bytes(NONCE), sealed=sealed[_SALT:], aad=b"")
        except TobariError:
            raise Untrusted(
                "platform.unseal", "The sealed state was not made on this platform: is this the same virtual root?"
            ) from None

    def _key(self, salt: bytes) -> AeadKey:
        return AeadKey(derive(self._sealing, label=Label.SEALED_STATE, context=salt))
