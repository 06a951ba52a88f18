"""Reading request bodies: never more than allowed, never slower than allowed, whatever the header fields promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request

from tobari.base.errors import Malformed, TooLarge, Unavailable


def declared_size(request: Request) -> int | None:
    """The Content-Length, if there is one.

    Raises:
        Malformed: `http.content_length`.
    """
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Malformed("http.content_length", "Content-Length must be a decimal number.")
    return int(text)


def require_type(request: Request, wanted: str) -> None:
    """Refuse a body of another content type.

    Raises:
        Malformed: `http.media_type`.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != wanted:
        raise Malformed("http.media_type", f"The body must have the content type {wanted}.")


async def read_body(request: Request, *, max_bytes: int, seconds: float) -> bytes:
    """The whole body.

    Raises:
        TooLarge: `http.too_large`, by what it declares or by what arrives.
        Unavailable: `http.slow`.
    """
    if (declared_size(request) or 0) > max_bytes:
        raise _too_large(max_bytes)
    # One byte more than allowed is enough to know.
    async for piece in pieces(request, size=max_bytes + 1, seconds=seconds):
        if len(piece) > max_bytes:
            raise _too_large(max_bytes)
        return piece
    return b""


async def pieces(request: Request, *, size: int, seconds: float) -> AsyncIterator[bytes]:
    """The body in pieces of `size` bytes, the last one shorter; none for an empty body.

    Raises:
        Unavailable: `http.slow`, a piece took longer than `seconds` to arrive.
    """
    loop = asyncio.get_running_loop()
    stream = request.stream()
    buffer = bytearray()
    deadline = loop.time() + seconds
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                part = await anext(stream, None)
        except TimeoutError:
            raise Unavailable("http.slow", "The body arrived too slowly; send it again over a better line.") from None
        if part is None:
            break
        buffer += part
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
            deadline = loop.time() + seconds
    if buffer:
        yield bytes(buffer)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge("http.too_large", f"The body may have at most {max_bytes} bytes; send less at a time.")
