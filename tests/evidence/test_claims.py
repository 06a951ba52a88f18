"""Claims: one spelling, bound by their digest before they are read."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.machines import CLAIMS
from tobari.base import cbor
from tobari.base.errors import Untrusted
from tobari.evidence.claims import MAX_CLAIMS, claims_digest, read_bound

DATA = CLAIMS.encode()


def test_the_digest_is_as_the_specification_says() -> None:
    label = b"tobari/v1/evidence-claims"
    expected = hashlib.sha256()
    for part in (label, DATA):
        expected.update(len(part).to_bytes(8, "big") + part)
    assert claims_digest(DATA) == expected.digest()


def test_the_nonce_has_its_eat_name() -> None:
    plain = cbor.decode(DATA, max_bytes=MAX_CLAIMS)
    assert plain["eat_nonce"] == CLAIMS.nonce
    assert "nonce" not in plain


def test_another_nonce_makes_another_digest() -> None:
    other = CLAIMS.with_nonce(b"m" * 32)
    assert other.nonce == b"m" * 32
    assert claims_digest(other.encode()) != claims_digest(DATA)


def test_what_is_bound_can_be_read() -> None:
    assert read_bound(DATA, report_data=claims_digest(DATA)) == CLAIMS


@settings(max_examples=50, deadline=None)
@given(report_data=st.binary(max_size=64))
def test_what_is_not_bound_is_not_read(report_data: bytes) -> None:
    with pytest.raises(Untrusted) as caught:
        read_bound(DATA, report_data=report_data)
    assert caught.value.code == "evidence.report_data"


@settings(max_examples=50, deadline=None)
@given(claims=st.binary(max_size=64))
def test_bound_bytes_that_are_no_claims_are_untrusted(claims: bytes) -> None:
    with pytest.raises(Untrusted) as caught:
        read_bound(claims, report_data=claims_digest(claims))
    assert caught.value.code == "evidence.claims"


def test_claims_have_a_limit() -> None:
    large = cbor.encode({"origin": "x" * MAX_CLAIMS})
    with pytest.raises(Untrusted):
        read_bound(large, report_data=claims_digest(large))
