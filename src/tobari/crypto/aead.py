"""AES-256-GCM under a key that serves one purpose. The caller owns the nonces: one key, never the same nonce twice."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tobari.base.errors import Untrusted

NONCE = 12
TAG = 16


class AeadKey:
    """A 32-byte AES-256-GCM key."""

    __slots__ = ("_cipher",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise ValueError("an AEAD key has 32 bytes")
        self._cipher = AESGCM(secret)

    def __repr__(self) -> str:
        return "AeadKey(…)"

    def seal(self, *, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Ciphertext and tag: len(plaintext) + 16 bytes."""
        return self._cipher.encrypt(nonce, plaintext, aad)

    def open(self, *, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """The plaintext.

        Raises:
            Untrusted: `aead.open`, if key, nonce, ciphertext and associated data do not belong together.
        """
        try:
            return self._cipher.decrypt(nonce, sealed, aad)
        except InvalidTag:
            raise Untrusted("aead.open", "Sealed data does not open: it was altered or belongs elsewhere.") from None
