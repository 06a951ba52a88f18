"""The format of virtual reports: what is written is what is read, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.machines import NOW, ROOT
from tobari.base import cose
from tobari.base.errors import Malformed
from tobari.evidence.formats import virtual


@settings(max_examples=50, deadline=None)
@given(
    measurement=st.binary(min_size=32, max_size=32),
    debug=st.booleans(),
    guards=st.lists(st.sampled_from(["landlock", "seccomp", "not-dumpable"]), unique=True),
    issued_at=st.integers(0, 2**53 - 1),
)
def test_what_is_issued_is_parsed(measurement: bytes, debug: bool, guards: list[str], issued_at: int) -> None:
    report = virtual.issue(
        root=ROOT, measurement=measurement, report_data=bytes(32), debug=debug, guards=guards, issued_at=issued_at
    )
    signed = cose.parse(report, max_bytes=virtual.MAX_REPORT)
    assert signed.kid == ROOT.public.thumbprint
    assert virtual.parse(signed.payload) == virtual.VirtualReport(
        measurement=measurement, report_data=bytes(32), debug=debug, guards=guards, issued_at=issued_at
    )


def test_an_attester_does_not_say_debug_by_accident() -> None:
    report = virtual.issue(root=ROOT, measurement=bytes(32), report_data=bytes(32), guards=[], issued_at=NOW)
    assert not virtual.parse(cose.parse(report, max_bytes=virtual.MAX_REPORT).payload).debug


@settings(max_examples=100, deadline=None)
@given(payload=st.binary(max_size=200))
def test_other_bytes_are_malformed(payload: bytes) -> None:
    with pytest.raises(Malformed):
        virtual.parse(payload)
