"""Nothing altered passes: each bit of a bundle, each byte cut, at whichever step it is noticed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.machines import HONEST, NONCE, NOW, POLICY, ROOT
from tobari.base.errors import Malformed, TobariError, Untrusted
from tobari.evidence import bundle
from tobari.evidence.appraise import appraise
from tobari.evidence.bundle import EvidenceBundle
from tobari.evidence.result import AttestationResult
from tobari.evidence.verify import VERIFIERS, verify

GOOD = HONEST.bundle()
DATA = GOOD.encode()


def accept(data: bytes) -> AttestationResult:
    return appraise(verify(bundle.decode(data), at=NOW), POLICY, nonce=NONCE, at=NOW)


def test_the_honest_bundle_is_accepted() -> None:
    assert accept(DATA).verdict == "accepted"


def test_one_flipped_bit_in_every_byte_is_refused() -> None:
    for index in range(len(DATA)):
        altered = bytearray(DATA)
        altered[index] ^= 1 << (index % 8)
        with pytest.raises((Malformed, Untrusted)):
            accept(bytes(altered))


@settings(max_examples=100, deadline=None)
@given(index=st.integers(0, len(DATA) - 1), value=st.integers(1, 255))
def test_one_altered_byte_is_refused(index: int, value: int) -> None:
    altered = bytearray(DATA)
    altered[index] ^= value
    with pytest.raises((Malformed, Untrusted)):
        accept(bytes(altered))


def test_a_truncated_bundle_is_malformed() -> None:
    for length in range(len(DATA)):
        with pytest.raises(Malformed):
            accept(DATA[:length])


def test_a_truncated_report_is_untrusted() -> None:
    for length in range(len(GOOD.report)):
        with pytest.raises(Untrusted):
            verify(msgspec.structs.replace(GOOD, report=GOOD.report[:length]), at=NOW)


@settings(max_examples=100, deadline=None)
@given(report=st.binary(max_size=300), root=st.binary(max_size=40), claims=st.binary(max_size=40))
def test_whatever_the_report_is_verify_raises_untrusted_alone(report: bytes, root: bytes, claims: bytes) -> None:
    hostile = EvidenceBundle(platform="virtual", report=report, claims=claims, endorsements={"root": root})
    with pytest.raises(Untrusted):
        verify(hostile, at=NOW)


def test_verified_is_what_the_report_says_and_no_verdict() -> None:
    verified = verify(GOOD, at=NOW)
    assert verified.root == ROOT.public.thumbprint
    assert verified.measurements == {"code": HONEST.code}
    assert (verified.debug, verified.tcb, verified.guards) == (False, None, HONEST.claims.guards)
    assert verified.issued_at == HONEST.issued_at
    assert verified.fields["measurement"] == HONEST.code.hex()


def test_only_the_platforms_of_this_version_are_verified() -> None:
    assert set(VERIFIERS) == {"virtual"}
    for platform in ("sev-snp", "tdx", "virtual2"):
        with pytest.raises(Untrusted) as caught:
            verify(msgspec.structs.replace(GOOD, platform=platform), at=NOW)
        assert caught.value.code == "evidence.platform_unknown"


def test_a_bundle_above_one_mebibyte_is_not_read() -> None:
    with pytest.raises(TobariError) as caught:
        bundle.decode(bytes(bundle.MAX_BUNDLE + 1))
    assert caught.value.code == "cbor.too_large"
