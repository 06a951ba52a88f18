"""Evidence in any spelling, and nothing else: limits and hostile input. The spellings themselves are vectors."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.tools.machines import HONEST
from tobari.base.errors import Malformed, TooLarge
from tobari.evidence.bundle import MAX_BUNDLE
from tobari.evidence.recognise import recognise

DATA = HONEST.bundle().encode()


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"{" * 100_000)
@example(b'{"platform":"virtual","report":"","claims":"","endorsements":{"root":"!"}}')
@example(b"\xa4" + b"\x81" * 100_000)
@example(b"\xff\xfe{}")
@example(b"==")
def test_whatever_the_bytes_are_it_is_evidence_or_unrecognised(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        recognise(data)
    assert caught.value.code == "evidence.unrecognised"


@pytest.mark.parametrize("filler", [b"\x00", b"a", b"A", b"{", b" "])
def test_the_limit_of_size_holds_in_every_spelling(filler: bytes) -> None:
    with pytest.raises(TooLarge) as caught:
        recognise(filler * (MAX_BUNDLE + 1))
    assert caught.value.code == "evidence.too_large"
    with pytest.raises(Malformed):
        recognise(filler * MAX_BUNDLE)


def test_white_space_around_hex_is_no_part_of_it() -> None:
    assert recognise(b"\n " + DATA.hex(" ").encode() + b"\r\n").encode() == DATA
