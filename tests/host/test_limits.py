"""tobari.host.limits: rates by address, in a table that cannot grow."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base.errors import Limited, Unavailable
from tobari.host.config import Limits
from tobari.host.limits import RateLimit, Shares, Slots

LIMITS = Limits(requests_per_second=2, burst=4, addresses=3)


def test_a_burst_and_then_the_rate() -> None:
    now = 0.0
    rate = RateLimit(LIMITS, lambda: now)
    for _ in range(4):
        rate.take("192.0.2.1")
    with pytest.raises(Limited):
        rate.take("192.0.2.1")
    now = 0.5
    rate.take("192.0.2.1")
    with pytest.raises(Limited):
        rate.take("192.0.2.1")
    rate.take("192.0.2.2")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 3), max_size=60))
def test_never_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    now, taken = 0.0, 0
    rate = RateLimit(LIMITS, lambda: now)
    for pause in pauses:
        now += pause
        try:
            rate.take("192.0.2.1")
            taken += 1
        except Limited:
            pass
    assert taken <= LIMITS.burst + LIMITS.requests_per_second * now + 1e-6


def test_one_network_is_one_client() -> None:
    rate = RateLimit(LIMITS, lambda: 0.0)
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:1", "2001:db8:0:0:9::%eth0"):
        rate.take(address)
    with pytest.raises(Limited):
        rate.take("2001:db8::3")
    rate.take("2001:db8:0:1::1")


def test_an_ipv4_address_written_as_ipv6_is_the_same_client() -> None:
    rate = RateLimit(LIMITS, lambda: 0.0)
    for _ in range(4):
        rate.take("::ffff:192.0.2.1")
    with pytest.raises(Limited):
        rate.take("192.0.2.1")
    rate.take("::ffff:192.0.2.9")


def test_the_table_is_bounded_and_keeps_whoever_is_busy() -> None:
    rate = RateLimit(LIMITS, lambda: 0.0)
    for n in range(100):
        rate.take(f"192.0.2.{n}")
        if n < 3:
            rate.take("198.51.100.7")
    assert len(rate._buckets) == 3


def test_slots_come_back() -> None:
    slots = Slots(1)
    with slots.one(), pytest.raises(Unavailable), slots.one():
        pass
    with slots.one():
        pass


def test_one_address_has_half_of_the_slots() -> None:
    shares = Shares(3)
    with shares.one("192.0.2.1"), shares.one("192.0.2.1"):
        with pytest.raises(Limited), shares.one("192.0.2.1"):
            pass
        with shares.one("192.0.2.2"), pytest.raises(Unavailable), shares.one("192.0.2.3"):
            pass
    with shares.one("192.0.2.1"), shares.one("192.0.2.1"):
        pass
    assert not shares._held
