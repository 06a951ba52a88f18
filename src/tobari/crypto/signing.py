"""Signatures: Ed25519 (RFC 8032) to sign, Ed25519 and ECDSA P-256 (for browsers and cards) to verify.

A public key is 32 bytes (Ed25519) or 33 (P-256, compressed point). Its thumbprint names the principal that holds it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256

from tobari.base import cose
from tobari.base.errors import Malformed, Unauthorized
from tobari.crypto.kdf import labelled_hash
from tobari.crypto.labels import Label


class VerifyingKey:
    """A public key that verifies.

    Raises:
        Malformed: `key.malformed`, if `raw` is no such key.
    """

    __slots__ = ("_verify", "raw", "thumbprint")

    def __init__(self, raw: bytes) -> None:
        self._verify: Callable[[bytes, bytes], None]
        try:
            if len(raw) == 32:
                self._verify = ed25519.Ed25519PublicKey.from_public_bytes(raw).verify
            elif len(raw) == 33:
                self._verify = _ecdsa(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw))
            else:
                raise ValueError("length")
        except ValueError:
            raise Malformed("key.malformed", "A public key is 32 bytes (Ed25519) or 33 bytes (P-256).") from None
        self.raw = raw
        self.thumbprint = labelled_hash(Label.THUMBPRINT, raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyingKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"VerifyingKey({self.raw.hex()})"

    @property
    def alg(self) -> int:
        """The COSE algorithm this key verifies."""
        return cose.EDDSA if len(self.raw) == 32 else cose.ES256

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a signature of 64 bytes (Ed25519, or raw r‖s).

        Raises:
            Unauthorized: `signature.invalid`.
        """
        try:
            self._verify(signature, message)
        except InvalidSignature:
            raise Unauthorized("signature.invalid", "The signature does not belong to this key and text.") from None


def _ecdsa(key: ec.EllipticCurvePublicKey) -> Callable[[bytes, bytes], None]:
    """Verifies raw r‖s as COSE has it (RFC 9053, section 2.1), with SHA-256."""

    def verify(signature: bytes, message: bytes) -> None:
        if len(signature) != 64:
            raise InvalidSignature
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))

    return verify


class SigningKey:
    """An Ed25519 private key."""

    __slots__ = ("_key", "public")

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        self.public = VerifyingKey(key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> SigningKey:
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """From 32 secret bytes."""
        return cls(ed25519.Ed25519PrivateKey.from_private_bytes(seed))

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.raw.hex()})"

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes; for sealing and key files only."""
        return self._key.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """A raw signature of 64 bytes. For signed notes; everything else goes through `sign1` and its label."""
        return self._key.sign(message)


def sign1(key: SigningKey, payload: bytes, *, label: Label) -> bytes:
    """COSE_Sign1 over `payload` under `label` (RFC 9052), kid = the signer's thumbprint."""
    protected = cose.protected_header(alg=cose.EDDSA, kid=key.public.thumbprint)
    to_sign = cose.sig_structure(protected=protected, external_aad=label.value, payload=payload)
    return cose.assemble(protected=protected, payload=payload, signature=key.sign(to_sign))


def verify1(data: bytes | cose.Sign1, key: VerifyingKey, *, label: Label, max_bytes: int) -> bytes:
    """The payload of a COSE_Sign1 that `key` signed under `label`.

    Raises:
        TooLarge, Malformed: see `cose.parse`.
        Unauthorized: `signature.foreign_key` if another key is named, `signature.algorithm`, `signature.invalid`.
    """
    parsed = data if isinstance(data, cose.Sign1) else cose.parse(data, max_bytes=max_bytes)
    if not hmac.compare_digest(parsed.kid, key.thumbprint):
        raise Unauthorized("signature.foreign_key", "This was signed with another key than the expected one.")
    if parsed.alg != key.alg:
        raise Unauthorized("signature.algorithm", "The signature names another algorithm than its key has.")
    to_sign = cose.sig_structure(protected=parsed.protected, external_aad=label.value, payload=parsed.payload)
    key.verify(parsed.signature, to_sign)
    return parsed.payload


def signer1(data: bytes, *, max_bytes: int) -> bytes:
    """The thumbprint that a COSE_Sign1 names as its signer. Not verified: use it to look the key up."""
    return cose.parse(data, max_bytes=max_bytes).kid
