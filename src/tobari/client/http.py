"""The drivers: a flow's effects over httpx2, blocking (`Driver`) and asynchronous (`AsyncDriver`).

Both follow no redirect, ask no proxy of the environment, keep no cookie, ask for no compression and take none, bound
every wait and every body, and never send a request twice by themselves. Not bounded as a whole, in the blocking
face: a response's head that trickles in byte by byte, up to the 100 KiB that the HTTP library takes of it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, TypeVar

import httpx2

import tobari
from tobari.base.errors import Malformed, TobariError, TooLarge, Unavailable
from tobari.base.messages.relay import UPLOAD_OFFSET_HEADER
from tobari.client.address import normalise
from tobari.client.flow import Blocking, Effect, Exclusive, Flow, Pause, Request, Response

T = TypeVar("T")

TIMEOUT = httpx2.Timeout(connect=10.0, read=75.0, write=30.0, pool=30.0)
"""Seconds without any progress. Reading waits longer than a host waits for its enclave."""
MAX_PROBLEM = 1 << 16
"""Bytes of the body of a response that is not a 200."""
_HEADERS = {"accept-encoding": "identity", "user-agent": f"tobari/{tobari.__version__}"}
_NOTHING_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


class Driver:
    """Runs flows, each in the caller's thread. Use it as a context manager, or `close` it."""

    def __init__(self, url: str, *, transport: httpx2.BaseTransport | None = None) -> None:
        self.url = normalise(url)
        self._alone = threading.Lock()
        self._client = httpx2.Client(
            base_url=self.url, headers=_HEADERS, timeout=TIMEOUT, trust_env=False, transport=transport
        )
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def __enter__(self) -> Driver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def run(self, flow: Flow[T]) -> T:
        """Drive a flow to its end. Raises what it raises."""
        step: Callable[[], Effect] = flow.__next__
        while True:
            try:
                effect = step()
            except StopIteration as stop:
                result: T = stop.value
                return result
            try:
                step = _sending(flow, self._perform(effect))
            # Whatever an effect raises belongs to the flow that asked for it.
            except Exception as error:  # noqa: BLE001
                step = _throwing(flow, error)

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Request():
                return self._exchange(effect)
            case Pause(seconds):
                time.sleep(seconds)
            case Blocking(call):
                return call()
            case Exclusive(flow):
                with self._alone:
                    return self.run(flow)
        return None

    def _exchange(self, request: Request) -> Response:
        deadline = time.monotonic() + request.seconds
        pieces = None if request.pieces is None else _until(deadline, request.pieces())
        try:
            with self._client.stream(
                request.method, request.path, headers=request.headers, content=pieces or request.body
            ) as response:
                taker = _Taker(request, response)
                for piece in _until(deadline, response.iter_raw()):
                    taker.take(piece)
                return taker.response()
        except httpx2.TransportError as error:
            raise _failed(error) from error


class AsyncDriver:
    """Runs flows on asyncio, any number at a time."""

    def __init__(self, url: str, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.url = normalise(url)
        self._alone = asyncio.Lock()
        self._client = httpx2.AsyncClient(
            base_url=self.url, headers=_HEADERS, timeout=TIMEOUT, trust_env=False, transport=transport
        )
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    async def __aenter__(self) -> AsyncDriver:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Drive a flow to its end. Raises what it raises."""
        step: Callable[[], Effect] = flow.__next__
        while True:
            try:
                effect = step()
            except StopIteration as stop:
                result: T = stop.value
                return result
            try:
                step = _sending(flow, await self._perform(effect))
            # As above. A cancellation is no Exception: it closes the flow.
            except Exception as error:  # noqa: BLE001
                step = _throwing(flow, error)

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Request():
                return await self._exchange(effect)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Blocking(call):
                return await asyncio.to_thread(call)
            case Exclusive(flow):
                async with self._alone:
                    return await self.run(flow)
        return None

    async def _exchange(self, request: Request) -> Response:
        pieces = None if request.pieces is None else _in_threads(request.pieces())
        try:
            async with (
                asyncio.timeout(request.seconds),
                self._client.stream(
                    request.method, request.path, headers=request.headers, content=pieces or request.body
                ) as response,
            ):
                taker = _Taker(request, response)
                async for piece in response.aiter_raw():
                    if request.sink is None:
                        taker.take(piece)
                    else:
                        await asyncio.to_thread(taker.take, piece)
                return taker.response()
        except (httpx2.TransportError, TimeoutError) as error:
            raise _failed(error) from error


class _Taker:
    """Takes a response's body within its limits."""

    def __init__(self, request: Request, response: httpx2.Response) -> None:
        self._status = response.status_code
        self._media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        self._upload_offset = response.headers.get(UPLOAD_OFFSET_HEADER)
        good = self._status == 200
        self._limit = request.max_bytes if good else MAX_PROBLEM
        self._sink = request.sink if good else None
        self._body = bytearray()
        self._size = 0
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise Malformed("client.http", "The host compressed its response, which nobody asked for: it is not read.")
        if 300 <= self._status < 400:
            raise Malformed("client.http", "The host redirects elsewhere; this is not followed. Check the address.")

    def take(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise TooLarge(
                "client.response_too_large", f"The response has more than {self._limit} bytes: it is not read further."
            )
        if self._sink is not None:
            self._sink(piece)
        else:
            self._body += piece

    def response(self) -> Response:
        return Response(
            status=self._status,
            media_type=self._media_type,
            body=bytes(self._body),
            upload_offset=self._upload_offset,
        )


def _sending(flow: Flow[Any], value: Any) -> Callable[[], Effect]:
    return lambda: flow.send(value)


def _throwing(flow: Flow[Any], error: Exception) -> Callable[[], Effect]:
    return lambda: flow.throw(error)


def _until(deadline: float, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces; a peer that sends or takes them one byte at a time cannot hold us for ever."""
    for piece in pieces:
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("the exchange as a whole took too long")
        yield piece


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _failed(error: Exception) -> TobariError:
    if isinstance(error, _NOTHING_SENT):
        return Unavailable(
            "client.unreachable", "The service cannot be reached at this address: check it, and that the host is up."
        )
    return Unavailable("client.lost", "The connection broke or took too long before the whole answer was there.")
