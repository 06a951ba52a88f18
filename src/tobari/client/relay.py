"""What the host itself says: relayed answers, log files, and problems (RFC 9457). None of it is authenticated.

A problem tells why there is no sealed answer; it proves nothing about the command. Its text is cleaned before anybody
sees it, since it may end in a terminal. Its code is passed on only if it is one of the host's own: a host that invents
what an enclave would say must not be heard as the enclave.
"""

from __future__ import annotations

import re

import msgspec

from tobari.base import wire
from tobari.base.errors import Malformed, TobariError, Unavailable, from_status
from tobari.base.messages.command import MAX_ENVELOPE
from tobari.base.messages.relay import ENVELOPE_TYPE, MAX_RELAYED, RELAYED_TYPE, TREE_SIZE_HEADER, Relayed
from tobari.client.flow import Flow, Request, Response, exchange

_OF_HOSTS = frozenset({"host", "http", "object"})
"""Families of codes in which a host reports its own state."""
_PUBLISHING = frozenset({"ledger.no_checkpoint", "ledger.not_published"})
"""What a host says of the public log's files; the others of that family are judgements of who verifies."""
_STALE = frozenset({"envelope.epoch", "hpke.open"})
"""Codes after which the service is appraised again: it may have other keys by now. Nothing else follows from them."""
_PROBLEM = "application/problem+json"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}\.[a-z][a-z0-9_]{0,63}")
_MAX_DETAIL = 400


class _Problem(msgspec.Struct, frozen=True):
    """The members we read; others are none of our business."""

    code: str
    detail: str


class Relayed200(msgspec.Struct, frozen=True):
    """An answer that the host says comes from the enclave."""

    relayed: Relayed


class Refused(msgspec.Struct, frozen=True):
    """No answer of the enclave, and what the host says about that."""

    error: TobariError
    stale: bool = False
    """The envelope may have been sealed to keys of another epoch."""


def call(envelope: bytes, *, tree_size: int | None) -> Flow[Relayed200 | Refused]:
    """Have an envelope relayed; `tree_size` asks for a consistency proof from that size.

    Raises:
        Malformed: a 200 that is not as spec/http.md says.
        TooLarge, Unavailable: see `flow.exchange`.
    """
    assert len(envelope) <= MAX_ENVELOPE
    headers = {"content-type": ENVELOPE_TYPE}
    if tree_size is not None:
        headers[TREE_SIZE_HEADER] = str(tree_size)
    response = yield from exchange(
        Request(method="POST", path="/v1/call", headers=headers, body=envelope, max_bytes=MAX_RELAYED)
    )
    if response.status == 200:
        return Relayed200(read_relayed(response))
    said = _read_problem(response)
    return Refused(problem(response), stale=said is not None and said.code in _STALE)


def read_relayed(response: Response) -> Relayed:
    """
    Raises:
        Malformed: `client.http`, or as `wire.from_cbor` says.
    """
    expect_type(response, RELAYED_TYPE)
    return wire.from_cbor(response.body, Relayed, max_bytes=MAX_RELAYED)


def fetch(path: str, *, max_bytes: int) -> Flow[bytes | None]:
    """GET a public file of the service; None if it is not there.

    Raises:
        TobariError: what the host reports instead.
        TooLarge, Unavailable: see `flow.exchange`.
    """
    response = yield from exchange(Request(method="GET", path=path, max_bytes=max_bytes))
    return body_of(response)


def body_of(response: Response) -> bytes | None:
    """The body of a 200, None for a 404; raises the problem that anything else reports."""
    match response.status:
        case 200:
            return response.body
        case 404:
            return None
    raise problem(response)


def expect_type(response: Response, media_type: str) -> None:
    """
    Raises:
        Malformed: `client.http`.
    """
    if response.media_type != media_type:
        raise Malformed("client.http", "The answer is not of the kind that was asked for: is this a Tobari service?")


def problem(response: Response) -> TobariError:
    """The error a response reports: with its code if it is a host's, as `client.host_refused` if it is anything else,
    as `client.relay` if it reports none.
    """
    found = _read_problem(response)
    if found is None:
        return Unavailable(
            "client.relay", f"The host answers {response.status} and no reason: is this the address of a service?"
        )
    detail = "".join(c if c.isprintable() else " " for c in found.detail[:_MAX_DETAIL])
    if found.code.partition(".")[0] in _OF_HOSTS or found.code in _PUBLISHING:
        return from_status(response.status, found.code, f"The host says, unsigned: {detail}")
    return Unavailable("client.host_refused", f"The host says, unsigned: {detail} ({found.code})")


def _read_problem(response: Response) -> _Problem | None:
    if response.media_type != _PROBLEM:
        return None
    try:
        found = wire.from_json(response.body, _Problem)
    except Malformed:
        return None
    return found if _CODE.fullmatch(found.code) else None
