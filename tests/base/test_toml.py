"""tobari.base.toml: what a hostile TOML text can cost, and that whatever it is, it is read or refused."""

from __future__ import annotations

import contextlib
import time
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base import toml
from tobari.base.errors import Malformed
from tobari.base.messages import genesis
from tobari.evidence import policy
from tobari.rules.query import terms_file

LIMIT = 1 << 17
READERS = {
    "genesis": genesis.from_toml,
    "policy": policy.from_toml,
    "terms": lambda text: terms_file.from_toml(text, dataset=bytes(16)),
}
HOSTILE = {
    "a long dotted key": ".".join("a" * 20_000) + " = 1",
    "a long dotted table": "[" + ".".join("a" * 20_000) + "]",
    "long quoted keys": ".".join(["'a.b'", '"\\".\\""'] * 5_000) + " = 1",
    "dots behind a string that never ends": '"\\' * 3_000 + "\n" + ".".join("a" * 20_000) + " = 1",
    "nested arrays": "a = " + "[" * 50_000,
    "nested tables": "a = " + "{a=" * 20_000,
    "an integer of many digits": "a = " + "9" * 60_000,
    "a hexadecimal integer of many digits": "[columns.a]\ntype = 0x" + "f" * 60_000,
    "quotes": '"' * 60_001,
    "escaped quotes": '\\"' * 30_000,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_refused_at_once(reader: str, text: str) -> None:
    started = time.process_time()
    with pytest.raises(Malformed):
        READERS[reader](HOSTILE[text])
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "text",
    [
        'a = "' + "." * 1000 + '"',
        "a = '" + "." * 1000 + "'",
        "a = 1  # " + "." * 1000,
        'a = ["' + '", "'.join(["north.example"] * 200) + '"]',
        '"a.b"."c\\"..".d = 1.5',
    ],
)
def test_dots_in_quotes_and_comments_are_no_keys(text: str) -> None:
    assert toml.read(text, max_chars=LIMIT) == tomllib.loads(text)


def test_a_text_above_its_limit() -> None:
    with pytest.raises(Malformed) as refused:
        toml.read("# comment", max_chars=8)
    assert refused.value.code == "toml.malformed"


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="a.=\"'[]{}\n\\#1-: ", max_size=60))
def test_any_text_is_read_as_tomllib_does_or_refused(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert toml.read(text, max_chars=LIMIT) == tomllib.loads(text)
