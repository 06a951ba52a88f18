"""Flows: protocols that do no I/O (the h11 habit). A generator yields effects, its driver sends back what came of them.

    Request    one HTTP exchange; comes back as a Response
    Pause      waiting
    Blocking   a call that reads or writes files; comes back as its result
    Exclusive  another flow, run while no other exclusive one of this driver runs; comes back as its result

What goes wrong is thrown into the flow where it waits: `client.unreachable` if nothing was sent, `client.lost` if the
other side may have taken the request. Drivers are in `http`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One exchange with the service."""

    method: Literal["GET", "HEAD", "POST", "PUT"]
    path: str
    """From the root of the service, query included."""
    max_bytes: int
    """Of the response's body; more ends the exchange."""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    pieces: Callable[[], Iterator[bytes]] | None = None
    """A body too large for memory; `headers` must carry its Content-Length."""
    sink: Callable[[bytes], None] | None = None
    """Takes the body of a 200 piece by piece instead of `Response.body`."""
    seconds: float = 90.0
    """For the whole exchange. A host may hold a call for a minute."""


@dataclass(frozen=True, kw_only=True)
class Response:
    status: int
    media_type: str
    """Content-Type without parameters, in lower case."""
    body: bytes
    upload_offset: str | None = None
    """The one header field that a protocol reads: `Upload-Offset`."""


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Blocking:
    call: Callable[[], Any]


@dataclass(frozen=True)
class Exclusive:
    flow: Generator[Any, Any, Any]


Effect = Request | Pause | Blocking | Exclusive
Flow = Generator[Effect, Any, T]


def exchange(request: Request) -> Flow[Response]:
    """Send and wait for the response.

    Raises:
        Unavailable: `client.unreachable`, `client.lost`.
        TooLarge: `client.response_too_large`.
        Malformed: `client.http`.
    """
    response: Response = yield request
    return response


def blocking(call: Callable[[], T]) -> Flow[T]:
    """Run a call that may block; raises what it raises."""
    result: T = yield Blocking(call)
    return result


def exclusive(flow: Flow[T]) -> Flow[T]:
    """Run a flow alone among its like: for what would otherwise be tried again and again. Must not be nested."""
    result: T = yield Exclusive(flow)
    return result


def pause(seconds: float) -> Flow[None]:
    yield Pause(seconds)
