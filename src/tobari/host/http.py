"""The host's HTTP interface as one ASGI application (docs/reference/http-api.md): routes, and the gate before them.

The gate counts requests against the limits; the probes pass it uncounted, so that a busy host is not taken for a dead
one. Nothing here logs a request: neither its address, nor its query, nor its body.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tobari.base.errors import TobariError, Unavailable
from tobari.host import openapi
from tobari.host.calls import Calls
from tobari.host.config import Limits
from tobari.host.ledger_routes import LedgerFiles
from tobari.host.limits import RateLimit, Shares, address_of
from tobari.host.object_routes import Objects
from tobari.host.objects import ObjectStore
from tobari.host.problems import on_crash, on_disconnect, on_error
from tobari.host.published import PublishedLog
from tobari.host.reader import LogReader
from tobari.host.relay import Relay

_PROBES = ("/healthz", "/readyz")


def build_app(*, relay: Relay, log: PublishedLog, reader: LogReader, objects: ObjectStore, limits: Limits) -> ASGIApp:
    """The whole interface."""

    async def healthz(_: Request) -> Response:
        return _plain({"alive": True})

    async def readyz(_: Request) -> Response:
        if relay.ready is None:
            raise Unavailable("host.not_ready", "The service is starting or stopping; try again shortly.")
        return _plain({"ready": True, "origin": relay.ready.origin, "vkey": relay.ready.vkey})

    async def description(_: Request) -> Response:
        return _plain(openapi.DOCUMENT)

    app = Starlette(
        routes=[
            *Calls(relay=relay, log=log, objects=objects, limits=limits).routes(),
            *LedgerFiles(log=log, reader=reader).routes(),
            *Objects(objects=objects, limits=limits).routes(),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/v1/openapi.json", description, methods=["GET"]),
        ],
        exception_handlers={
            HTTPException: on_error,
            TobariError: on_error,
            ClientDisconnect: on_disconnect,
            Exception: on_crash,
        },
    )
    app.router.redirect_slashes = False
    return Gate(app, limits)


class Gate:
    """Rate, concurrency, and the end of every exception: what leaves here is an answer or a closed connection."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._rate = RateLimit(limits)
        self._shares = Shares(limits.concurrent)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-content-type-options", b"nosniff"))
            await send(message)

        if scope["path"] in _PROBES:
            await self._serve(scope, receive, guarded)
            return
        try:
            address = address_of(scope)
            self._rate.take(address)
            with self._shares.one(address):
                await self._serve(scope, receive, guarded)
        except TobariError as error:
            response = await on_error(Request(scope), error)
            await response(scope, receive, guarded)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:  # noqa: BLE001
            # on_crash has logged it without its text, and answered if nothing had been sent yet. Raising it further
            # would print that text; returning makes uvicorn close a connection whose answer is not complete.
            return


def _plain(value: object) -> Response:
    return JSONResponse(value, headers={"cache-control": "no-store"})
