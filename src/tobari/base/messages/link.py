"""The stream between host and enclave (spec/link.md): one frame is a length (4 bytes, big endian) and a CBOR map.

Both sides treat what arrives as hostile. The host is the enclave's clock, disk and network, and nothing more.
"""

from __future__ import annotations

from typing import Any

from tobari.base import wire
from tobari.base.errors import Malformed, TooLarge
from tobari.base.messages.command import Digest
from tobari.base.wire import Message

MAX_FRAME = 24 << 20
"""Bytes of one frame's CBOR; a batch of entries is cut to stay below."""


class Entry(Message, frozen=True, kw_only=True):
    """A log entry as the host keeps it: the leaf and the bodies it names."""

    header: bytes
    public: bytes
    sealed: bytes


# --- host to enclave ---------------------------------------------------------------------------------------------


class Boot(Message, frozen=True, kw_only=True, tag="boot"):
    """First frame. The enclave answers ReplayFrom, the host sends that part of its log as Replay, then Live."""

    genesis: bytes
    sealed: bytes | None
    """What the enclave once gave in StoreSealed; None founds a new service."""
    snapshot: bytes | None
    checkpoint: str | None
    """The newest signed note the host kept, if any."""
    log_size: int


class Replay(Message, frozen=True, kw_only=True, tag="replay"):
    first: int
    entries: list[Entry]


class Live(Message, frozen=True, kw_only=True, tag="live"):
    """The log has been handed over."""


class Attest(Message, frozen=True, kw_only=True, tag="attest"):
    request: int
    nonce: bytes


class Call(Message, frozen=True, kw_only=True, tag="call"):
    request: int
    envelope: bytes


class Appended(Message, frozen=True, kw_only=True, tag="appended"):
    """The entries of that batch are durable."""

    batch: int


class ObjectPart(Message, frozen=True, kw_only=True, tag="object-part"):
    """One sealed chunk, in order."""

    fetch: int
    index: int
    data: bytes


class ObjectMissing(Message, frozen=True, kw_only=True, tag="object-missing"):
    fetch: int


class Stop(Message, frozen=True, kw_only=True, tag="stop"):
    """Finish what is in flight, write a snapshot, say Stopped."""


# --- enclave to host ---------------------------------------------------------------------------------------------


class StoreSealed(Message, frozen=True, kw_only=True, tag="store-sealed"):
    """Keep this for Boot, durably, before the first Append is acknowledged."""

    sealed: bytes


class StoreSnapshot(Message, frozen=True, kw_only=True, tag="store-snapshot"):
    """Keep the newest one; losing it loses nothing but time."""

    tree_size: int
    snapshot: bytes


class ReplayFrom(Message, frozen=True, kw_only=True, tag="replay-from"):
    """Send the entries from `first` on: 0, or the size of the snapshot if it is good."""

    first: int


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """Calls are taken from now on."""

    origin: str
    vkey: str
    tree_size: int


class Evidence(Message, frozen=True, kw_only=True, tag="evidence"):
    request: int
    evidence: bytes


class Append(Message, frozen=True, kw_only=True, tag="append"):
    batch: int
    first: int
    entries: list[Entry]


class Reply(Message, frozen=True, kw_only=True):
    request: int
    response: bytes


class Publish(Message, frozen=True, kw_only=True, tag="publish"):
    """The checkpoint of a durable batch, and the replies that it releases.

    A publish without a new batch repeats the checkpoint: it answers queries.
    """

    checkpoint: str
    replies: list[Reply]


class Refusal(Message, frozen=True, kw_only=True, tag="refusal"):
    """The envelope could not be opened, so the answer cannot be sealed."""

    request: int
    status: int
    code: str
    message: str


class FetchObject(Message, frozen=True, kw_only=True, tag="fetch-object"):
    """Send the chunks of that object, in order, as ObjectPart."""

    fetch: int
    root: Digest
    first: int
    count: int


class Halt(Message, frozen=True, kw_only=True, tag="halt"):
    """The enclave stops for good: what the host handed over does not hold."""

    code: str
    message: str


class Stopped(Message, frozen=True, kw_only=True, tag="stopped"):
    pass


ToEnclave = Boot | Replay | Live | Attest | Call | Appended | ObjectPart | ObjectMissing | Stop
ToHost = (
    StoreSealed
    | StoreSnapshot
    | ReplayFrom
    | Ready
    | Evidence
    | Append
    | Publish
    | Refusal
    | FetchObject
    | Halt
    | Stopped
)


def encode(message: ToEnclave | ToHost) -> bytes:
    """One frame, length included."""
    body = wire.to_cbor(message)
    if len(body) > MAX_FRAME:
        raise TooLarge("link.too_large", "This frame is larger than the link allows.")
    return len(body).to_bytes(4, "big") + body


class FrameReader:
    """Cuts a byte stream into messages of one direction. Sans-I/O: feed bytes, take messages."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """All messages that are complete now.

        Raises:
            TooLarge: `link.too_large`.
            Malformed: a frame that is no message of this direction; the stream is unusable afterwards.
        """
        self._buffer += data
        messages = []
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if length > MAX_FRAME:
                raise TooLarge("link.too_large", "This frame is larger than the link allows.")
            if len(self._buffer) < 4 + length:
                break
            body = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            messages.append(wire.from_cbor(body, self._kind, max_bytes=MAX_FRAME))
        return messages

    def close(self) -> None:
        """The stream ended.

        Raises:
            Malformed: `link.truncated`, in the middle of a frame.
        """
        if self._buffer:
            raise Malformed("link.truncated", "The stream ended inside a frame.")
