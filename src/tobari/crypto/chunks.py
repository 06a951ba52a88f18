"""Sealed chunks of an object (spec/object.md): AES-256-GCM, each bound to its place.

The associated data names dataset, object, chunk and whether it is the last: a chunk swapped, replayed elsewhere or cut
off does not open. The nonce is the place itself, and the key is derived for one object, so that a nonce repeats only if
one object index of one dataset is sealed twice: data keys are made fresh for each dataset, and indices only grow.
"""

from __future__ import annotations

from tobari.base.errors import Untrusted
from tobari.base.messages.objects import CHUNK
from tobari.crypto.aead import AeadKey
from tobari.crypto.kdf import derive
from tobari.crypto.labels import Label


class ChunkKey:
    """Seals and opens the chunks of one object of a dataset (`dataset`: 16 bytes)."""

    __slots__ = ("_aad", "_key")

    def __init__(self, data_key: bytes, *, dataset: bytes, object_index: int) -> None:
        if len(data_key) != 32 or len(dataset) != 16:
            raise ValueError("a data key has 32 bytes and a dataset id 16")
        self._aad = dataset + object_index.to_bytes(8, "big")
        self._key = AeadKey(derive(data_key, label=Label.DATASET_CHUNK, context=self._aad))

    def __repr__(self) -> str:
        return "ChunkKey(…)"

    def seal(self, plaintext: bytes, *, index: int, last: bool) -> bytes:
        """Every chunk but the last has exactly CHUNK bytes."""
        if len(plaintext) > CHUNK or (not last and len(plaintext) != CHUNK):
            raise ValueError("every chunk but the last is full")
        place = index.to_bytes(8, "big") + bytes([last])
        return self._key.seal(nonce=place.rjust(12, b"\0"), plaintext=plaintext, aad=self._aad + place)

    def open(self, sealed: bytes, *, index: int, last: bool) -> bytes:
        """
        Raises:
            Untrusted: `object.chunk`, if it is not this chunk of this object.
        """
        place = index.to_bytes(8, "big") + bytes([last])
        try:
            return self._key.open(nonce=place.rjust(12, b"\0"), sealed=sealed, aad=self._aad + place)
        except Untrusted:
            raise Untrusted("object.chunk", f"Chunk {index} of an object is not what its owner sealed there.") from None
