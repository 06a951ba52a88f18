"""Signed commands per second, end to end over HTTP with durable commits, against the floor of one core.

Host, keeper and worker server share one core; the load and the floor's measurement never run on it at the same time as
they do. The floor is measured on that core before and after every round, and a round's ratio is against their mean: a
machine that slows down slows both.
"""

from __future__ import annotations

import statistics
import time
from typing import NamedTuple

from bench import floor, load, machine, processes, service
from bench.figure import Figure
from bench.floor import Floor
from bench.service import Service
from tobari.client.command import Call

TRANSFER = Call(program="currency", command="transfer", args={"to": "shop", "amount": 1})
ROUNDS = 5
TOGETHER = 64
"""Commands of one envelope."""


def run() -> list[Figure]:
    server, client = machine.cores()
    with (
        service.running(members={"bank": ["issuer"], "shop": []}, programs=["currency"], core=server) as running,
        machine.on_core(client),
    ):
        with running.session("bank") as session:
            session.call("currency", "issue", {"to": "bank", "amount": 10**9})
        return [
            *_rounds(running, server, commands=TOGETHER, clients=8, requests=128, target=0.5),
            *_rounds(running, server, commands=1, clients=32, requests=3000, target=0.25),
            *_sdk(running),
        ]


def _rounds(
    running: Service, server: int, *, commands: int, clients: int, requests: int, target: float
) -> list[Figure]:
    rounds = [_round(running, server, commands=commands, clients=clients, requests=requests) for _ in range(ROUNDS)]
    rate, bound, host, keeper, share, of_processor = (statistics.median(column) for column in zip(*rounds, strict=True))
    name = f"{commands} to an envelope, {clients} clients" if commands > 1 else f"one by one, {clients} clients"
    shares = sorted(one.share for one in rounds)
    return [
        Figure(
            name=f"commands, {name}",
            value=rate,
            unit="/s",
            note=f"host {host:.0f} µs, keeper {keeper:.0f} µs of processor for each",
        ),
        Figure(name=f"floor, {name}", value=bound, unit="/s"),
        Figure(
            name=f"share of the floor, {name}",
            value=share,
            unit="",
            target=target,
            note=f"{ROUNDS} rounds: {shares[0]:.2f} to {shares[-1]:.2f}",
        ),
        Figure(
            name=f"the same in processor time, {name}",
            value=of_processor,
            unit="",
            note="other processes on the core count for neither side",
        ),
    ]


class _Round(NamedTuple):
    rate: float
    """Commands per second."""
    floor: float
    """Commands per second."""
    host: float
    """Microseconds of processor for each command; so is the next."""
    keeper: float
    share: float
    of_processor: float


def _round(running: Service, server: int, *, commands: int, clients: int, requests: int) -> _Round:
    with running.session("bank") as session:
        attested = session.attested
    sealed = load.seal(TRANSFER, key=running.keys["bank"], attested=attested, requests=requests, commands=commands)
    before, used = _floor(server, commands), _used(running)
    sent = load.send(running, sealed, clients=clients)
    host, keeper = ((now - then) * 1e6 for now, then in zip(_used(running), used, strict=True))
    after = _floor(server, commands)
    count = sent.check()
    wall, processor = ((a + b) / 2 for a, b in zip(before, after, strict=True))
    rate = count / sent.seconds
    return _Round(
        rate=rate,
        floor=1 / wall,
        host=host / count,
        keeper=keeper / count,
        share=rate * wall,
        of_processor=processor * 1e6 * count / (host + keeper),
    )


def _floor(server: int, commands: int) -> Floor:
    with machine.on_core(server):
        return floor.measure(commands=commands)


def _used(running: Service) -> tuple[float, float]:
    """Seconds of processor that host and keeper have used so far."""
    return processes.cpu_seconds(running.host), processes.cpu_seconds(running.enclave)


def _sdk(running: Service) -> list[Figure]:
    """One blocking session on the load's core: signs, seals, sends, opens, verifies receipts, keeps its checkpoint."""
    rates = []
    with running.session("bank") as session:
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            for _ in range(4):
                for result in session.call_many([TRANSFER] * TOGETHER):
                    result.check()
            rates.append(4 * TOGETHER / (time.perf_counter() - begin))
    return [
        Figure(
            name=f"commands by the SDK, {TOGETHER} to an envelope, one session",
            value=statistics.median(rates),
            unit="/s",
            note="receipts and consistency checked; one envelope at a time",
        )
    ]
