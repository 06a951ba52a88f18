"""HKDF-SHA256 (RFC 5869), one label for each use."""

from __future__ import annotations

import functools
import hashlib

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tobari.crypto.labels import Label


def derive(secret: bytes, *, label: Label, context: bytes = b"", length: int = 32) -> bytes:
    """`length` bytes that serve `label` alone. `context` must have a fixed length for each label.

    `secret` must be uniform already (32 random bytes or the output of a KEM): no salt is used.
    """
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=label.value + b"\x00" + context).derive(secret)


def labelled_hash(label: Label, *parts: bytes) -> bytes:
    """SHA-256 over label and parts, each preceded by its length, so that no two lists of parts hash alike."""
    digest = _labelled(label).copy()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


@functools.cache
def _labelled(label: Label) -> hashlib._Hash:
    return hashlib.sha256(len(label.value).to_bytes(8, "big") + label.value)
