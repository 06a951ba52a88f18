"""`/v1/objects/<root>`: sealed objects in and out, named by the root over their chunks (spec/http.md).

A name says all there is to check, so whoever has it may fetch the object, and anyone may offer one: what nobody's
terms speak of is never opened. The quota and the rate are what bounds it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tobari.base.errors import Malformed, NotFound, Unavailable
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.base.messages.relay import UPLOAD_OFFSET_HEADER
from tobari.host.body import declared_size, pieces
from tobari.host.config import Limits
from tobari.host.limits import Shares, address_of
from tobari.host.objects import ObjectStore, Upload

_TYPE = "application/octet-stream"
_log = logging.getLogger("tobari.host")

P = ParamSpec("P")
T = TypeVar("T")


class Objects:
    """The object store over HTTP."""

    def __init__(self, *, objects: ObjectStore, limits: Limits) -> None:
        self._objects = objects
        self._seconds = limits.piece_seconds
        self._shares = Shares(limits.transfers)

    def routes(self) -> list[Route]:
        # One route for all methods: with several, the Allow header of a refusal names the first one's alone.
        return [Route("/v1/objects/{root}", self.serve, methods=["GET", "PUT"])]

    async def serve(self, request: Request) -> Response:
        return await (self.put if request.method == "PUT" else self.get)(request)

    async def put(self, request: Request) -> Response:
        root, offset = _root(request), _offset(request)
        with self._shares.one(address_of(request.scope)):
            await _write(self._objects.make_room, declared_size(request) or 0)
            upload = await _write(self._objects.receive, root, offset=offset)
            try:
                new = await self._receive(request, upload)
            finally:
                upload.abandon()
        return Response(status_code=201 if new else 200, headers={"location": f"/v1/objects/{root.hex()}"})

    async def _receive(self, request: Request, upload: Upload) -> bool:
        try:
            async for chunk in pieces(request, size=SEALED_CHUNK, seconds=self._seconds):
                await _write(upload.add, chunk)
        except (ClientDisconnect, asyncio.CancelledError):
            upload.park()
            raise
        except Unavailable as error:
            if error.code == "http.slow":
                upload.park()
            raise
        return await _write(upload.finish)

    async def get(self, request: Request) -> Response:
        root = _root(request)
        size = await asyncio.to_thread(self._objects.size, root)
        if size is None:
            received = await asyncio.to_thread(self._objects.received, root)
            if request.method == "HEAD" and received:
                return Response(None, 404, {UPLOAD_OFFSET_HEADER: str(received), "cache-control": "no-store"})
            raise NotFound("object.not_found", "This object is not here; send it, or ask the host that has it.")
        headers = {
            "content-length": str(size),
            "etag": f'"{root.hex()}"',
            "cache-control": "public, max-age=31536000, immutable",
        }
        if request.method == "HEAD":
            return Response(None, 200, headers, _TYPE)
        return _Download(self._chunks(root, size), headers, self._shares)

    async def _chunks(self, root: bytes, size: int) -> AsyncIterator[bytes]:
        for index in range(-(-size // SEALED_CHUNK)):
            chunk = await asyncio.to_thread(self._objects.chunk, root, index)
            assert chunk is not None, "objects are never removed while the host runs"
            yield chunk


class _Download(StreamingResponse):
    """A streamed body that holds a slot for as long as it lasts."""

    def __init__(self, content: AsyncIterator[bytes], headers: dict[str, str], shares: Shares) -> None:
        super().__init__(content, 200, headers, _TYPE)
        self._shares = shares

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._shares.one(address_of(scope)):
            await super().__call__(scope, receive, send)


async def _write(write: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do a step of an upload in a thread.

    Raises:
        Unavailable: `object.write`, the disk refused. What the step itself raises.
    """
    try:
        return await asyncio.to_thread(write, *args, **kwargs)
    except OSError as error:
        _log.error("host.object_write: an object could not be written (%s); look at the disk", error.strerror)
        raise Unavailable(
            "object.write", "The host's disk refused the object, nothing of it is kept: tell its operator, try again."
        ) from None


def _offset(request: Request) -> int:
    text = request.headers.get(UPLOAD_OFFSET_HEADER, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) % SEALED_CHUNK:
        raise Malformed(
            "http.upload_offset", f"{UPLOAD_OFFSET_HEADER} must be what HEAD answered: a multiple of {SEALED_CHUNK}."
        )
    return int(text)


def _root(request: Request) -> bytes:
    text: str = request.path_params["root"]
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise NotFound("object.not_found", "An object is named by its root: 64 lower-case hexadecimal digits.")
    return bytes.fromhex(text)
