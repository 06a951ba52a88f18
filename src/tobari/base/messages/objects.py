"""Objects: sealed data at rest (spec/object.md). The host keeps them by the root of their sealed chunks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tobari.base.messages.command import Digest
from tobari.base.wire import Message

CHUNK = 1 << 20
"""Plaintext bytes of every chunk but the last."""
TAG = 16
"""Bytes that AES-GCM adds to each chunk."""
SEALED_CHUNK = CHUNK + TAG
MAX_OBJECT = 64 << 30
"""Plaintext bytes of one object."""

DatasetId = Annotated[bytes, Meta(min_length=16, max_length=16)]


class ObjectRef(Message, frozen=True, kw_only=True):
    """One sealed object of a dataset: the RFC 9162 root over its sealed chunks, and its plaintext size in bytes."""

    root: Digest
    size: Annotated[int, Meta(ge=0, le=MAX_OBJECT)]

    @property
    def chunks(self) -> int:
        """Number of chunks; an empty object has one empty chunk, so that its end is sealed too."""
        return max(1, -(-self.size // CHUNK))

    @property
    def sealed_size(self) -> int:
        return self.size + self.chunks * TAG
