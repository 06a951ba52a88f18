"""What the host says: decoded within limits, believed in nothing, and cleaned before anybody sees it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base import cbor, wire
from tobari.base.errors import Conflict, Malformed, TobariError, TooLarge, Unavailable
from tobari.base.messages.relay import MAX_RELAYED, RELAYED_TYPE, Relayed
from tobari.client.flow import Response
from tobari.client.relay import body_of, problem, read_relayed

GOOD = Relayed(response=b"sealed", checkpoint="note", consistency=[bytes(32)])


def relayed(body: bytes, media_type: str = RELAYED_TYPE) -> Response:
    return Response(status=200, media_type=media_type, body=body)


def report(body: object, status: int = 409, media_type: str = "application/problem+json") -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status=status, media_type=media_type, body=data)


def test_an_answer_is_read():
    assert read_relayed(relayed(wire.to_cbor(GOOD))) == GOOD


@given(st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_an_answer_or_an_error_of_ours(data):
    with pytest.raises(TobariError):
        read_relayed(relayed(data))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(1 << 64), 1 << 64) | st.text(max_size=8) | st.binary(max_size=40),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=12,
    )
)
@settings(max_examples=100, deadline=None)
def test_any_value_is_an_answer_or_an_error_of_ours(value):
    with pytest.raises(TobariError):
        read_relayed(relayed(cbor.encode(value)))


@given(at=st.integers(0, len(wire.to_cbor(GOOD)) - 1), byte=st.integers(0, 255))
@settings(max_examples=100, deadline=None)
def test_an_altered_answer_is_an_answer_or_an_error_of_ours(at, byte):
    data = bytearray(wire.to_cbor(GOOD))
    data[at] = byte
    with contextlib.suppress(Malformed, TooLarge):
        assert wire.to_cbor(read_relayed(relayed(bytes(data)))) == bytes(data)


def test_a_large_answer_is_not_decoded():
    with pytest.raises(TooLarge) as caught:
        read_relayed(relayed(bytes(MAX_RELAYED + 1)))
    assert caught.value.code == "cbor.too_large"


def test_a_problem_has_the_class_it_had_at_the_host():
    error = problem(report({"code": "host.locked", "detail": "wait", "title": "x", "extra": [1]}))
    assert isinstance(error, Conflict)
    assert (error.code, error.message) == ("host.locked", "The host says, unsigned: wait")


@pytest.mark.parametrize(
    "code", ["currency.funds", "command.expired", "ledger.fork", "client.unknown", "envelope.epoch"]
)
def test_codes_that_are_no_hosts_business_are_mapped(code):
    error = problem(report({"code": code, "detail": "wait"}))
    assert isinstance(error, Unavailable)
    assert (error.code, error.message) == ("client.host_refused", f"The host says, unsigned: wait ({code})")


@pytest.mark.parametrize(
    "response",
    [
        report(b""),
        report(b"[]"),
        report(b"\xff"),
        report(b"[" * 60_000),
        report({}),
        report({"code": "x.y"}),
        report({"code": "x.y", "detail": 1}),
        report({"code": "../x", "detail": ""}),
        report({"code": "x.y\n", "detail": ""}),
        report({"code": "x." + "y" * 100, "detail": ""}),
        report({"code": "x.y", "detail": ""}, media_type="text/html"),
    ],
)
def test_what_is_no_problem_report(response):
    error = problem(response)
    assert isinstance(error, Unavailable)
    assert error.code == "client.relay"


@given(st.text(max_size=2000))
@settings(max_examples=50, deadline=None)
def test_no_control_character_gets_through(detail):
    message = problem(report({"code": "x.y", "detail": detail})).message
    assert message.isprintable()
    assert len(message) < 500


def test_what_is_not_there_is_none():
    assert body_of(Response(status=404, media_type="", body=b"x")) is None
    assert body_of(Response(status=200, media_type="", body=b"x")) == b"x"
    with pytest.raises(Unavailable):
        body_of(Response(status=500, media_type="", body=b"x"))
