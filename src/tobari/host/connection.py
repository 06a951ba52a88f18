"""One HTTP/1.1 connection with the bounds that uvicorn leaves open.

uvicorn waits for ever for the end of a header, for the rest of a body that was answered early, and for a client that
does not read; it takes header fields of any total size and any number of connections. Each of these ends the
connection here, without an answer: whoever does it is broken or hostile. Bodies and rates are bounded in body.py and
limits.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tobari.host.config import Limits


def bounded(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's `http` setting: its protocol class, under these limits."""
    return type("Connection", (Connection,), {"limits": limits})


class Connection(HttpToolsProtocol):
    """A connection that is aborted at its bounds."""

    limits: Limits

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head: int | None = 0
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        self._wait_for_input()

    def connection_lost(self, exc: Exception | None) -> None:
        self._got_input()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > self.limits.head_bytes:
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._wait_for_input()

    def on_headers_complete(self) -> None:
        self._head = None
        self._got_input()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._got_input()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.more_body and self.cycle.response_complete:
            self._wait_for_input()

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
        self._reading = self.loop.call_later(self.limits.head_seconds, self.transport.abort)

    def _got_input(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
