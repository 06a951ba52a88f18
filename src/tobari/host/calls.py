"""`POST /v1/call` and `GET /v1/evidence`: sealed envelopes in, sealed answers out (spec/http.md)."""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tobari.base import wire
from tobari.base.errors import Malformed, Unavailable
from tobari.base.messages.command import MAX_ENVELOPE
from tobari.base.messages.relay import (
    ENVELOPE_TYPE,
    EVIDENCE_TYPE,
    RELAYED_TYPE,
    TREE_SIZE_HEADER,
    Relayed,
)
from tobari.host.body import read_body, require_type
from tobari.host.config import Limits
from tobari.host.objects import ObjectStore
from tobari.host.published import PublishedLog
from tobari.host.relay import Relay

NONCE = 32
"""Bytes of a client's nonce."""
_NO_STORE = {"cache-control": "no-store"}


class Calls:
    """The two requests that the enclave answers."""

    def __init__(self, *, relay: Relay, log: PublishedLog, objects: ObjectStore, limits: Limits) -> None:
        self._relay = relay
        self._log = log
        self._objects = objects
        self._limits = limits

    def routes(self) -> list[Route]:
        return [
            Route("/v1/call", self.call, methods=["POST"]),
            Route("/v1/evidence", self.evidence, methods=["GET"]),
        ]

    async def call(self, request: Request) -> Response:
        require_type(request, ENVELOPE_TYPE)
        seen = _tree_size(request)
        envelope = await read_body(request, max_bytes=MAX_ENVELOPE, seconds=self._limits.piece_seconds)
        if not envelope:
            raise Malformed("http.empty", "The body must be a sealed envelope; it is empty.")
        if not self._objects.has_space():
            raise Unavailable("host.disk_full", "The host's disk is full; ask its operator, or try again later.")
        response, published = await self._relay.call(envelope)
        relayed = Relayed(
            response=response, checkpoint=published.note, consistency=self._log.consistency(seen, published)
        )
        return Response(wire.to_cbor(relayed), 200, _NO_STORE, RELAYED_TYPE)

    async def evidence(self, request: Request) -> Response:
        bundle = await self._relay.attest(_nonce(request.query_params.get("nonce", "")))
        return Response(bundle, 200, _NO_STORE, EVIDENCE_TYPE)


def _tree_size(request: Request) -> int | None:
    text = request.headers.get(TREE_SIZE_HEADER)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Malformed("http.tree_size", f"{TREE_SIZE_HEADER} must be a decimal number.")
    return int(text)


def _nonce(text: str) -> bytes:
    try:
        nonce = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        nonce = b""
    # Only one spelling: no standard alphabet, no stray bits, no padding.
    if len(nonce) != NONCE or base64.urlsafe_b64encode(nonce).rstrip(b"=").decode() != text:
        raise Malformed("http.nonce", f"nonce must be {NONCE} bytes in base64url without padding.")
    return nonce
