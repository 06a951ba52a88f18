"""`GET /v1/status/{id}` and `GET /v1/statuses?id=…`: what became of commands that were sent.

The second is a stream: the state of each command at once, then each change, until all are final. It has lines of JSON
(NDJSON), or server-sent events if the request accepts `text/event-stream`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tobari.base.errors import Malformed, TobariError
from tobari.base.messages.command import MAX_COMMANDS
from tobari.cli.failures import document as error_document
from tobari.cli.proxy import answers
from tobari.cli.proxy.limits import MAX_STREAMS
from tobari.cli.proxy.submitted import Submitted
from tobari.client.command import SignedCommand
from tobari.client.session import AsyncSession
from tobari.host.limits import Slots

_EVENTS = "text/event-stream"
_LINES = "application/x-ndjson"


class Statuses:
    """States of commands of this key."""

    def __init__(self, session: AsyncSession, submitted: Submitted) -> None:
        self._session = session
        self._submitted = submitted
        self._slots = Slots(MAX_STREAMS)

    def routes(self) -> list[Route]:
        return [
            Route("/v1/status/{id}", self.status, methods=["GET"]),
            Route("/v1/statuses", self.statuses, methods=["GET"]),
        ]

    async def status(self, request: Request) -> Response:
        command = self._submitted.find(request.path_params["id"])
        return answers.json(answers.document(await self._session.status(command)))

    async def statuses(self, request: Request) -> Response:
        ids = request.query_params.getlist("id")
        if not 0 < len(ids) <= MAX_COMMANDS:
            raise Malformed("proxy.ids", f"Name 1 to {MAX_COMMANDS} commands: /v1/statuses?id=…&id=…")
        commands = [self._submitted.find(text) for text in ids]
        media_type = _EVENTS if _EVENTS in request.headers.get("accept", "") else _LINES
        return _Stream(self._lines(commands, media_type), media_type, self._slots)

    async def _lines(self, commands: Sequence[SignedCommand | bytes], media_type: str) -> AsyncIterator[bytes]:
        before, after = (b"data: ", b"\n\n") if media_type == _EVENTS else (b"", b"\n")
        try:
            async for result in self._session.statuses(commands):
                yield before + msgspec.json.encode(answers.document(result)) + after
        except TobariError as error:
            yield before + msgspec.json.encode(error_document(error)) + after


class _Stream(StreamingResponse):
    """A stream that holds a slot for as long as it lasts."""

    def __init__(self, content: AsyncIterator[bytes], media_type: str, slots: Slots) -> None:
        super().__init__(content, 200, {"cache-control": "no-store"}, media_type)
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._slots.one():
            await super().__call__(scope, receive, send)
