"""tobari.cli.proxy.values: JSON both ways, without loss and with one spelling of bytes."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base.errors import Malformed
from tobari.cli.proxy.values import read_object, to_json

LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
)
VALUES = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from(["$bytes", "$int", "$map", "$"]), inner, max_size=3)
        | st.dictionaries(st.integers(0, 9) | st.binary(max_size=2), inner, max_size=2)
    ),
    max_leaves=12,
)


@given(value=VALUES)
@settings(max_examples=100, deadline=None)
def test_every_value_comes_back_as_it_was(value: object) -> None:
    text = json.dumps({"value": to_json(value)}, allow_nan=False)
    assert read_object(text.encode()) == {"value": value}
    assert all(abs(number) < 1 << 53 for number in integers(json.loads(text)))


def integers(value: object) -> list[int]:
    match value:
        case bool():
            return []
        case int():
            return [value]
        case list():
            return [number for inner in value for number in integers(inner)]
        case dict():
            return [number for inner in value.values() for number in integers(inner)]
    return []


def test_what_json_cannot_say() -> None:
    assert to_json(b"\x00\x01\x02") == {"$bytes": "AAEC"}
    assert to_json((1 << 53) + 1) == {"$int": "9007199254740993"}
    assert to_json(-math.inf) == {"$float": "-inf"}
    assert to_json({"$bytes": "x"}) == {"$$bytes": "x"}
    assert to_json({1: b"", "a": None}) == {"$map": [[1, {"$bytes": ""}], ["a", None]]}
    assert math.isnan(read_object(b'{"x": {"$float": "nan"}}')["x"])
    assert read_object(b"") == {}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "proxy.json"),
        (b"[]", "proxy.json"),
        (b"1", "proxy.json"),
        (b'{"a": 1, "a": 2}', "proxy.json"),
        (b'{"a": NaN}', "proxy.json"),
        (b'{"a": 1} x', "proxy.json"),
        (b'"\xff"', "proxy.json"),
        (b'{"a":' + b"[" * 100_000, "proxy.json"),
        (b'{"a":' + b"[" * 30 + b"]" * 30 + b"}", "proxy.value"),
        (b'{"a": 18446744073709551616}', "proxy.value"),
        (b'{"a": {"$int": "18446744073709551616"}}', "proxy.value"),
        (b'{"a": {"$int": "01"}}', "proxy.value"),
        (b'{"a": {"$bytes": "AAE="}}', "proxy.value"),
        (b'{"a": {"$bytes": "+/"}}', "proxy.value"),
        (b'{"a": {"$bytes": "AB"}}', "proxy.value"),
        (b'{"a": {"$bytes": "A"}}', "proxy.value"),
        (b'{"a": {"$bytes": 1}}', "proxy.value"),
        (b'{"a": {"$bytes": "AA", "b": 1}}', "proxy.value"),
        (b'{"a": {"$float": "1.0"}}', "proxy.value"),
        (b'{"a": {"$other": 1}}', "proxy.value"),
        (b'{"a": {"$map": [[1]]}}', "proxy.value"),
        (b'{"a": {"$map": [[1, 1], [1, 2]]}}', "proxy.value"),
        (b'{"a": {"$map": [[[], 1]]}}', "proxy.value"),
        (b'{"a": "\\ud800"}', "proxy.value"),
        (b'{"a": {"\\ud800": 1}}', "proxy.value"),
    ],
)
def test_what_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_object(body)
    assert caught.value.code == code


@given(body=st.binary(max_size=64))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(read_object(body), dict)
