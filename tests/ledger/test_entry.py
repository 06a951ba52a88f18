from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base import cbor, wire
from tobari.base.errors import Malformed, TobariError, TooLarge
from tobari.ledger.entry import MAX_HEADER, LeafHeader, claims_digest

HEADER = LeafHeader(seq=3, term=1, time=1_790_000_000_000, public=b"p" * 32, sealed=b"s" * 32, claims=b"c" * 32)


def test_it_reads_back() -> None:
    assert LeafHeader.from_bytes(HEADER.encode()) == HEADER


def test_the_largest_is_far_below_the_limit() -> None:
    top = (1 << 63) - 1
    largest = LeafHeader(seq=top, term=top, time=top, public=bytes(32), sealed=bytes(32), claims=bytes(32))
    assert len(largest.encode()) < 200 < MAX_HEADER


FIELDS = wire.to_builtins(HEADER)
MALFORMED = {
    "not-cbor": b"\xff",
    "not-a-map": cbor.encode([1, 2]),
    "not-canonical": b"\xbf" + HEADER.encode()[1:] + b"\xff",
    "one-byte-more": HEADER.encode() + b"\x00",
    "one-byte-less": HEADER.encode()[:-1],
    "field-missing": cbor.encode({k: v for k, v in FIELDS.items() if k != "term"}),
    "field-unknown": cbor.encode({**FIELDS, "who": "somebody"}),
    "negative-seq": cbor.encode({**FIELDS, "seq": -1}),
    "seq-is-a-float": cbor.encode({**FIELDS, "seq": 3.0}),
    "seq-is-a-bool": cbor.encode({**FIELDS, "seq": True}),
    "short-digest": cbor.encode({**FIELDS, "public": b"p" * 31}),
    "digest-is-text": cbor.encode({**FIELDS, "public": "p" * 32}),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    with pytest.raises(Malformed):
        LeafHeader.from_bytes(MALFORMED[name])


def test_too_large() -> None:
    with pytest.raises(TooLarge):
        LeafHeader.from_bytes(cbor.encode({**FIELDS, "public": bytes(MAX_HEADER)}))


@given(st.binary(max_size=64), st.integers(0, len(HEADER.encode())))
@settings(max_examples=100, deadline=None)
def test_whatever_arrives_is_an_error_of_ours_or_a_header(data: bytes, at: int) -> None:
    good = HEADER.encode()
    for changed in (data, good[:at] + data + good[at + len(data) :]):
        with contextlib.suppress(TobariError):
            assert LeafHeader.from_bytes(changed).encode() == changed


def test_salt_and_claims_do_not_run_into_each_other() -> None:
    salt = bytes(range(32))
    assert claims_digest(salt, b"ab") != claims_digest(salt[:-1] + b"a", b"b" + salt[-1:])
    for wrong in (b"", salt[:16], salt + b"a"):
        with pytest.raises(Malformed) as caught:
            claims_digest(wrong, b"b")
        assert caught.value.code == "ledger.salt"
