"""`name=value` words: what each spelling becomes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base import cbor
from tobari.cli.values import read_arguments


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("amount=5", {"amount": 5}),
        ("amount=-5", {"amount": -5}),
        ("amount=+5", {"amount": 5}),
        ("amount=007", {"amount": 7}),
        ("on=true", {"on": True}),
        ("on=false", {"on": False}),
        ("on=True", {"on": "True"}),
        ("to=bob", {"to": "bob"}),
        ("to=", {"to": ""}),
        ("to=a=b", {"to": "a=b"}),
        ("sql=SELECT 1", {"sql": "SELECT 1"}),
        ("id=hex:00ff", {"id": b"\x00\xff"}),
        ("id=hex:", {"id": b""}),
        ("real=1.5", {"real": "1.5"}),
        ("real:=1.5", {"real": 1.5}),
        ("none:=null", {"none": None}),
        ('text:="5"', {"text": "5"}),
        ('list:=[1, {"a": true}]', {"list": [1, {"a": True}]}),
        ("text=two\nlines", {"text": "two\nlines"}),
    ],
)
def test_spelling(word: str, expected: dict[str, Any]) -> None:
    assert read_arguments([word]) == expected


@pytest.mark.parametrize(
    "words",
    [
        ["amount"],
        ["=5"],
        ["Amount=5"],
        ["a-b=5"],
        ["a=1", "a=2"],
        ["id=hex:0"],
        ["id=hex:zz"],
        ["n=18446744073709551616"],
        ["n=" + "9" * 100_000],
        ["n:=18446744073709551616"],
        ["n:=[[-18446744073709551617]]"],
        ["n:={"],
        ["n:=NaN"],
        ["n:=" + "[" * 100_000],
        ["n:=" + "[" * 990 + "]" * 990],
    ],
)
def test_refused(words: list[str]) -> None:
    with pytest.raises(typer.BadParameter):
        read_arguments(words)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters()) | st.just('"\\ud800"') | st.just("\ud800"))
def test_whatever_is_read_can_be_sent(text: str) -> None:
    try:
        found = read_arguments([f"name={text}", f"other:={text}"])
    except typer.BadParameter:
        return
    assert cbor.decode(cbor.encode(found), max_bytes=1 << 20) == found
