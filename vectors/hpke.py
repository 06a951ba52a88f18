"""HPKE base mode for DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (RFC 9180), with a given ephemeral key.

For vectors only: sealing must be random in use. Written from the RFC, apart from what it makes vectors for.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEM = b"KEM" + (0x0020).to_bytes(2, "big")
_SUITE = b"HPKE" + (0x0020).to_bytes(2, "big") + (0x0001).to_bytes(2, "big") + (0x0002).to_bytes(2, "big")


def _extract(salt: bytes, label: bytes, ikm: bytes, suite: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256)


def _expand(prk: bytes, label: bytes, info: bytes, length: int, suite: bytes) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labelled + b"\x01", hashlib.sha256)[:length]


def seal(public: bytes, plaintext: bytes, *, info: bytes, ephemeral: bytes) -> bytes:
    """`enc` and ciphertext, with `ephemeral` (32 bytes) as the sender's private key."""
    key = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = key.public_key().public_bytes_raw()
    shared = key.exchange(X25519PublicKey.from_public_bytes(public))
    secret = _expand(_extract(b"", b"eae_prk", shared, _KEM), b"shared_secret", enc + public, 32, _KEM)
    context = b"\x00" + _extract(b"", b"psk_id_hash", b"", _SUITE) + _extract(b"", b"info_hash", info, _SUITE)
    prk = _extract(secret, b"secret", b"", _SUITE)
    aead = AESGCM(_expand(prk, b"key", context, 32, _SUITE))
    return enc + aead.encrypt(_expand(prk, b"base_nonce", context, 12, _SUITE), plaintext, b"")
