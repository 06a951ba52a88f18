"""HPKE in base mode (RFC 9180), HKDF-SHA256 and AES-256-GCM, single shot.

MLKEM768-X25519 (a hybrid that stays sealed if either half breaks) is the default; X25519 is for callers without it.
The sender is not authenticated: whoever needs that signs inside.
"""

from __future__ import annotations

import enum
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from tobari.base.errors import Malformed, Untrusted
from tobari.crypto.labels import Label

_MLKEM_SEED, _MLKEM_PUBLIC, _X25519 = 64, 1184, 32


class Kem(enum.StrEnum):
    MLKEM768_X25519 = "MLKEM768-X25519"
    X25519 = "X25519"

    @property
    def public_length(self) -> int:
        """Bytes of a public key."""
        return _MLKEM_PUBLIC + _X25519 if self is Kem.MLKEM768_X25519 else _X25519

    @property
    def seed_length(self) -> int:
        """Bytes of a private key."""
        return _MLKEM_SEED + _X25519 if self is Kem.MLKEM768_X25519 else _X25519


_SUITES = {
    Kem.MLKEM768_X25519: hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
    Kem.X25519: hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
}


def _info(label: Label, context: bytes) -> bytes:
    return label.value + b"\x00" + context


class RecipientPublicKey:
    """A key that anyone can seal to.

    Raises:
        Malformed: `key.malformed`, if `raw` is no public key of that KEM.
    """

    __slots__ = ("_key", "kem", "raw")

    def __init__(self, kem: Kem, raw: bytes) -> None:
        if len(raw) != kem.public_length:
            raise Malformed("key.malformed", f"A {kem} public key has {kem.public_length} bytes.")
        try:
            classic = x25519.X25519PublicKey.from_public_bytes(raw[-_X25519:])
            self._key: hpke.MLKEM768X25519PublicKey | x25519.X25519PublicKey = classic
            if kem is Kem.MLKEM768_X25519:
                lattice = mlkem.MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC])
                self._key = hpke.MLKEM768X25519PublicKey(lattice, classic)
        except ValueError:
            raise Malformed("key.malformed", f"These bytes are no {kem} public key.") from None
        self.kem = kem
        self.raw = raw

    def seal(self, plaintext: bytes, *, label: Label, context: bytes) -> bytes:
        """`enc` followed by ciphertext and tag. `context` is bound: opening needs the same."""
        return _SUITES[self.kem].encrypt(plaintext, self._key, info=_info(label, context))


class RecipientKey:
    """The private half; holds `seed_length` secret bytes."""

    __slots__ = ("_key", "_seed", "kem", "public")

    def __init__(self, kem: Kem, seed: bytes) -> None:
        if len(seed) != kem.seed_length:
            raise ValueError("wrong seed length")
        classic = x25519.X25519PrivateKey.from_private_bytes(seed[-_X25519:])
        public = classic.public_key().public_bytes_raw()
        self._key: hpke.MLKEM768X25519PrivateKey | x25519.X25519PrivateKey = classic
        if kem is Kem.MLKEM768_X25519:
            lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed[:_MLKEM_SEED])
            self._key = hpke.MLKEM768X25519PrivateKey(lattice, classic)
            public = lattice.public_key().public_bytes_raw() + public
        self.kem = kem
        self.public = RecipientPublicKey(kem, public)
        self._seed = seed

    @classmethod
    def generate(cls, kem: Kem = Kem.MLKEM768_X25519) -> RecipientKey:
        return cls(kem, secrets.token_bytes(kem.seed_length))

    def __repr__(self) -> str:
        return f"RecipientKey({self.kem}, …)"

    @property
    def seed(self) -> bytes:
        """The secret bytes; for sealing only."""
        return self._seed

    def open(self, sealed: bytes, *, label: Label, context: bytes) -> bytes:
        """The plaintext.

        Raises:
            Untrusted: `hpke.open`, if it was sealed to another key, label or context, or altered.
        """
        try:
            return _SUITES[self.kem].decrypt(sealed, self._key, info=_info(label, context))
        except (InvalidTag, ValueError):
            raise Untrusted("hpke.open", "Sealed data does not open with this key: fetch the evidence again.") from None
