"""How much one client address, and all of them together, may ask of the host.

A token bucket for each address (an IPv6 address counts as its /64 network), in a table of fixed size that forgets
whoever was quiet longest, and a count of requests in progress, of which nobody may have more than half. Addresses are
those of the connection: a reverse proxy counts as one client, so give it a rate that fits, and let it limit its own
clients.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import Scope

from tobari.base.errors import Limited, Unavailable
from tobari.host.config import Limits


class RateLimit:
    """Token buckets. `clock` gives seconds that never run backwards."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = limits.requests_per_second
        self._burst = float(limits.burst)
        self._size = limits.addresses
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> None:
        """Count one request of that address.

        Raises:
            Limited: `host.rate`.
        """
        network = _network(address)
        now = self._clock()
        tokens, since = self._buckets.pop(network, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        self._buckets[network] = (tokens - 1.0 if tokens >= 1.0 else tokens, now)
        if len(self._buckets) > self._size:
            self._buckets.popitem(last=False)
        if tokens < 1.0:
            raise Limited("host.rate", "Too many requests from your address; wait a moment and try again.")


class Slots:
    """A number of things that may happen at the same time."""

    def __init__(self, count: int) -> None:
        self._free = count

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a slot for the block.

        Raises:
            Unavailable: `host.busy`, none is free.
        """
        if self._free == 0:
            raise Unavailable("host.busy", "The host is busy; try again shortly.")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


class Shares:
    """Slots of which one client address has at most half: a single slow client does not keep out the others."""

    def __init__(self, count: int) -> None:
        self._slots = Slots(count)
        self._each = (count + 1) // 2
        self._held: Counter[str] = Counter()

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Take a slot for the block.

        Raises:
            Unavailable: `host.busy`, none is free.
            Limited: `host.share`, that address has its half.
        """
        network = _network(address)
        with self._slots.one():
            if self._held[network] >= self._each:
                raise Limited("host.share", "Too many requests of your address are in progress; wait for their end.")
            self._held[network] += 1
            try:
                yield
            finally:
                self._held[network] -= 1
                if not self._held[network]:
                    del self._held[network]


def address_of(scope: Scope) -> str:
    """The address that a request came from, as the connection says it."""
    return scope["client"][0] if scope.get("client") else ""


def _network(address: str) -> str:
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else parsed.packed[:8].hex()
