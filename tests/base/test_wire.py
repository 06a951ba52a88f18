import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tobari.base import wire
from tobari.base.errors import Malformed, TobariError
from tobari.base.messages import link
from tobari.base.messages.command import Command

COMMAND = {
    "program": "currency",
    "command": "transfer",
    "args": {"to": "bank-b", "amount": 3},
    "audience": bytes(32),
    "id": bytes(16),
    "expires": 1,
}


def test_a_message_survives_both_spellings():
    command = wire.convert(COMMAND, Command)
    assert wire.from_cbor(wire.to_cbor(command), Command, max_bytes=1000) == command
    assert wire.from_json(wire.to_json(command), Command) == command


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"program": "Currency"},
        {"program": "a" * 65},
        {"id": bytes(15)},
        {"audience": "text"},
        {"expires": "1"},
        {"expires": 1.0},
        {"args": []},
    ],
    ids=str,
)
def test_a_field_that_does_not_fit_is_refused_and_not_quoted(change):
    secret = {**COMMAND, **change}
    with pytest.raises(Malformed) as refused:
        wire.convert(secret, Command)
    assert refused.value.code == "message.malformed"
    assert "bank-b" not in str(refused.value)


def test_an_unknown_enum_value_is_not_quoted():
    from tobari.base.principal import Role

    with pytest.raises(Malformed) as refused:
        wire.convert("the-secret", Role)
    assert "secret" not in str(refused.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data):
    with contextlib.suppress(TobariError):
        wire.from_cbor(data, Command, max_bytes=200)


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(min_value=1, max_value=50))
def test_frames_arrive_whole_however_the_stream_is_cut(bodies, step):
    sent = [link.Call(request=i, envelope=body) for i, body in enumerate(bodies)]
    stream = b"".join(map(link.encode, sent))
    reader = link.FrameReader(link.ToEnclave)
    got = [message for start in range(0, len(stream), step) for message in reader.feed(stream[start : start + step])]
    assert got == sent
    reader.close()


def test_a_frame_of_the_other_direction_is_refused():
    with pytest.raises(Malformed):
        link.FrameReader(link.ToEnclave).feed(link.encode(link.Stopped()))


def test_a_frame_larger_than_the_link_allows_is_refused_by_its_length_alone():
    with pytest.raises(TobariError) as refused:
        link.FrameReader(link.ToEnclave).feed(b"\xff\xff\xff\xff")
    assert refused.value.code == "link.too_large"


def test_a_stream_that_ends_inside_a_frame():
    reader = link.FrameReader(link.ToEnclave)
    reader.feed(b"\x00\x00")
    with pytest.raises(Malformed) as refused:
        reader.close()
    assert refused.value.code == "link.truncated"
