"""One HTTP/1.1 connection with the bounds that uvicorn leaves open.

uvicorn waits for ever for the end of a header, for the rest of a body that was answered early, and for a client that
does not read; it takes header fields, trailers, chunk extensions and requests sent ahead without end, and any number of
connections. Each of these ends the connection here, without an answer: whoever does it is broken or hostile. When all
connections are taken, a new one replaces the one that has waited longest for a request. Bodies and rates are bounded in
body.py and limits.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tobari.host.config import Limits

_FRAMING = 8
"""Bytes of chunk framing for each byte of a body, at most: a chunk of one byte has six."""


def bounded(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's `http` setting: its protocol class, under these limits."""
    return type("Connection", (Connection,), {"limits": limits, "idle": {}})


class _Cut(Exception):
    """Ends the parsing of what has arrived."""


class Connection(HttpToolsProtocol):
    """A connection that is aborted at its bounds."""

    limits: Limits
    idle: dict[Connection, None]
    """All connections that have no request in progress, those that have waited longest first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head: int | None = 0
        self._around_body = 0
        """Bytes since the head that are not the body's, less what its framing may have."""
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            longest = next(iter(self.idle), self)
            self.idle.pop(longest, None)
            longest.transport.abort()
            if longest is self:
                return
        self._wait_for_input()

    def connection_lost(self, exc: Exception | None) -> None:
        self._got_input()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += len(data)
        else:
            self._around_body += len(data)
        super().data_received(data)
        if (self._head or 0) > self.limits.head_bytes or self._around_body > self.limits.head_bytes:
            self.transport.abort()
        elif self._reading is None and self.cycle is not None and self.cycle.response_complete:
            # Bytes between requests that begin none, such as empty lines: uvicorn has given up its own timer by now.
            self._wait_for_input()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._around_body = 0
        self._wait_for_input()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > self.limits.head_fields:
            self._cut()

    def on_headers_complete(self) -> None:
        self._head = None
        self._got_input()
        super().on_headers_complete()
        if len(self.pipeline) > self.limits.pipelined:
            self._cut()

    def on_body(self, body: bytes) -> None:
        self._around_body -= len(body) * (1 + _FRAMING)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._around_body = 0
        self._got_input()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.cycle.response_complete:
            return
        if self.cycle.more_body:
            self._wait_for_input()
        else:
            self.idle[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(self.limits.piece_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        super().resume_writing()

    def _wait_for_input(self) -> None:
        self._got_input()
        self.idle[self] = None
        self._reading = self.loop.call_later(self.limits.head_seconds, self.transport.abort)

    def _got_input(self) -> None:
        self.idle.pop(self, None)
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _cut(self) -> None:
        self.transport.abort()
        raise _Cut
