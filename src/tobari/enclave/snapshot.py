"""Sealed snapshots: a shortcut for replay, never a source of truth (spec/snapshot.md).

A snapshot names the tree it was taken at and is used only if the log reaches that far; what follows must continue it,
entry by entry. Each has a random id and a key of its own, so that no nonce repeats.
"""

from __future__ import annotations

import secrets

from tobari.base import wire
from tobari.base.errors import TobariError, Untrusted
from tobari.crypto.aead import NONCE, AeadKey
from tobari.crypto.kdf import derive
from tobari.crypto.labels import Label
from tobari.enclave.state import Dump

MAX_SNAPSHOT = 20 << 20
"""Bytes of a snapshot that fits a frame of the link. A larger state is not snapshot: its restart replays the log."""
_ID = 32


def seal(dump: bytes, *, secret: bytes, service_id: bytes) -> bytes:
    snapshot = secrets.token_bytes(_ID)
    key = AeadKey(derive(secret, label=Label.SNAPSHOT_ONE, context=snapshot))
    return snapshot + key.seal(nonce=bytes(NONCE), plaintext=dump, aad=service_id)


def unseal(sealed: bytes, *, secret: bytes, service_id: bytes) -> Dump:
    """
    Raises:
        Untrusted: `snapshot.open`, if this service did not seal it.
    """
    snapshot, ciphertext = sealed[:_ID], sealed[_ID:]
    try:
        key = AeadKey(derive(secret, label=Label.SNAPSHOT_ONE, context=snapshot))
        dump = key.open(nonce=bytes(NONCE), sealed=ciphertext, aad=service_id)
        return wire.from_cbor(dump, Dump, max_bytes=MAX_SNAPSHOT)
    except TobariError:
        raise Untrusted("snapshot.open", "The snapshot was not sealed by this service.") from None
