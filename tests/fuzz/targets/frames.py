"""The stream between host and enclave, cut anywhere, in both directions. The first byte is the pieces' size."""

from __future__ import annotations

from typing import Any

from tobari.base.errors import TobariError
from tobari.base.messages import link


def run(data: bytes) -> None:
    if not data:
        return
    step, stream = data[0] + 1, data[1:]
    for kind in (link.ToEnclave, link.ToHost):
        whole, cut = _read(kind, stream, len(stream) or 1), _read(kind, stream, step)
        assert whole == cut, "how the stream is cut makes a difference"


def _read(kind: Any, stream: bytes, step: int) -> list[Any]:
    """The messages, and last the code with which the stream was given up."""
    reader, messages = link.FrameReader(kind), []
    try:
        for start in range(0, len(stream), step):
            for message in reader.feed(stream[start : start + step]):
                messages.append(link.encode(message))
        reader.close()
    except TobariError as error:
        # Messages before the bad one are given or not, depending on the cut: the stream is unusable either way.
        return [error.code]
    return messages


def seeds() -> dict[str, bytes]:
    call = link.encode(link.Call(request=1, envelope=b"envelope"))
    appended = link.encode(link.Appended(batch=2**64 - 1))
    return {
        "calls": b"\x03" + call + appended + call,
        "to-host": b"\xff"
        + link.encode(link.Publish(checkpoint="note", replies=[link.Reply(request=1, response=b"r")])),
        "part": b"\x07" + link.encode(link.ObjectPart(fetch=1, index=0, data=b"chunk")),
        "empty-frame": b"\x00" + bytes(4),
        "length-only": b"\x00\x00\x00\x00\x09",
        "too-large": b"\x00\x01\x80\x00\x01",
        "no-tag": b"\x00\x00\x00\x00\x01\xa0",
        "unknown-tag": b"\x00\x00\x00\x00\x08\xa1dtypebxx",
    }
