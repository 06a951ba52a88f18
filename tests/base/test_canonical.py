import enum
from typing import NamedTuple

import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base import wire
from tobari.base.canonical import encode
from tobari.base.messages import link

leaves = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.binary(max_size=300)
    | st.text(max_size=300)
    | st.floats()
)
keys = st.none() | st.booleans() | st.integers() | st.binary(max_size=30) | st.text(max_size=30) | st.floats()
plain = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=300)
        | st.dictionaries(keys | st.tuples(keys, keys), inner, max_size=6)
        | st.dictionaries(st.text(max_size=30), inner, max_size=30)
        | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


class Colour(enum.StrEnum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: int


class Nothing(wire.Message, frozen=True, kw_only=True):
    pass


class One(wire.Message, frozen=True, kw_only=True):
    b: int


class Many(
    wire.Message, frozen=True, kw_only=True, tag="many %", tag_field="cc", rename={"renamed": "a_longer_name_%b"}
):
    bb: bytes
    a: One
    ddd: list[Colour] = msgspec.field(default_factory=list)
    renamed: float | None = None


@settings(max_examples=100, deadline=None)
@given(plain)
def test_plain_values_are_spelled_as_cbor2_spells_them(value):
    assert encode(value) == cbor2.dumps(value, canonical=True)


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 65_535, 65_536])
def test_every_length_of_a_head(size):
    for value in (bytes(size), "x" * size, [None] * size, {f"{n:05}": n for n in range(size)}, size, -1 - size):
        assert encode(value) == cbor2.dumps(value, canonical=True)


@pytest.mark.parametrize("number", [2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 2**64])
def test_integers_around_the_heads_of_four_and_eight_bytes(number):
    assert encode([number, -number, -1 - number]) == cbor2.dumps([number, -number, -1 - number], canonical=True)


@pytest.mark.parametrize(
    "message",
    [
        Nothing(),
        One(b=7),
        Many(bb=b"x", a=One(b=-3), ddd=[Colour.RED], renamed=1.5),
        link.Live(),
        link.Appended(batch=300),
        link.Append(batch=1, first=2, entries=[link.Entry(header=b"h", public=b"", sealed=bytes(300))]),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_is_the_map_of_its_fields(message):
    assert encode(message) == cbor2.dumps(wire.to_builtins(message), canonical=True)
    assert wire.from_cbor(encode(message), type(message), max_bytes=1000) == message


def test_a_tuple_with_names_is_an_array_and_an_enum_its_value():
    assert encode({"point": Point(1, 2)}) == encode({"point": [1, 2]})
    assert encode({"colour": Colour.RED}) == encode({"colour": "red"})


@pytest.mark.parametrize("size", [31, 32, 33])
@pytest.mark.parametrize("number", [0, 1, 3, 4, 20, 300])
def test_lists_of_hashes(number, size):
    for value in ([bytes(size)] * number, [*[bytes(size)] * number, "x" * 32], [*[bytes(size)] * number, b""]):
        assert encode(value) == cbor2.dumps(value, canonical=True)


def test_what_has_no_form_is_refused():
    with pytest.raises(TypeError):
        encode(object())
