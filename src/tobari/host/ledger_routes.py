"""`GET /v1/ledger/…`: the log as the static files of C2SP tlog-tiles, plus the public bodies (spec/http.md).

A file is served only if the published checkpoint covers all of it. Tiles never change once they may be served, so
caches keep them for ever; the checkpoint is to be asked for again each time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tobari.base.errors import Malformed, NotFound
from tobari.host.published import PublishedLog
from tobari.host.reader import LogReader
from tobari.ledger.tiles import WIDTH, TilePath, encode_bundle, tile

_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}
_BODIES = 16
"""Public bodies read at a time: one may have a MiB."""


class LedgerFiles:
    """The log's files, computed from the tree and the store."""

    def __init__(self, *, log: PublishedLog, reader: LogReader) -> None:
        self._log = log
        self._reader = reader

    def routes(self) -> list[Route]:
        return [
            Route("/v1/ledger/checkpoint", self.checkpoint, methods=["GET"]),
            Route("/v1/ledger/tile/{tile:path}", self.tile, methods=["GET"]),
        ]

    async def checkpoint(self, _: Request) -> Response:
        note = self._log.newest.note
        return Response(note, 200, {"cache-control": "no-cache"}, "text/plain; charset=utf-8")

    async def tile(self, request: Request) -> Response:
        where = self._covered(request.path_params["tile"])
        first = where.index * WIDTH
        if where.kind == "entries":
            content = encode_bundle("entries", await self._reader.headers(first, where.width))
        elif where.kind == "public":
            return StreamingResponse(self._publics(first, where.width), 200, _FOREVER, "application/octet-stream")
        else:
            content = tile(self._log.tree, where)
        return Response(content, 200, _FOREVER, "application/octet-stream")

    def _covered(self, text: str) -> TilePath:
        try:
            where = TilePath.parse(f"tile/{text}")
        except Malformed as error:
            raise NotFound("ledger.not_published", error.message) from None
        leaves = WIDTH**where.kind if isinstance(where.kind, int) else 1
        if (where.index * WIDTH + where.width) * leaves > self._log.newest.tree_size:
            raise NotFound(
                "ledger.not_published", "The published checkpoint does not cover this file; ask for a smaller part."
            )
        return where

    async def _publics(self, first: int, count: int) -> AsyncIterator[bytes]:
        for start in range(first, first + count, _BODIES):
            bodies = await self._reader.publics(start, min(_BODIES, first + count - start))
            yield encode_bundle("public", bodies)
