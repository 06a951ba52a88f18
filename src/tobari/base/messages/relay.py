"""What the host adds in the open to a sealed response (spec/http.md). Nothing here is trusted; all of it is checked."""

from __future__ import annotations

from tobari.base.messages.command import Digest
from tobari.base.wire import Message

TREE_SIZE_HEADER = "Tobari-Tree-Size"
"""Request header of /v1/call: the size of the last checkpoint the client saw."""
UPLOAD_OFFSET_HEADER = "Upload-Offset"
"""Of an object whose upload was cut off: the bytes that are here, and where the rest begins."""
ENVELOPE_TYPE = "application/vnd.tobari.envelope"
RELAYED_TYPE = "application/vnd.tobari.relayed+cbor"
EVIDENCE_TYPE = "application/vnd.tobari.evidence+cbor"
MAX_RELAYED = (1 << 20) + (1 << 16)


class Relayed(Message, frozen=True, kw_only=True):
    """The body that answers /v1/call."""

    response: bytes
    """Sealed under the reply key of the request."""
    checkpoint: str
    """The signed note of the tree that the response speaks of."""
    consistency: list[Digest]
    """Consistency proof from the client's last size to this checkpoint; empty if it named none."""
