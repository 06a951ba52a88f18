"""Signed commands per second, end to end over HTTP with durable commits, against the floor of one core.

Host, keeper and worker server share one core; the load and the floor's measurement never run on it at the same time as
they do. The floor is measured on that core before and after every round, and a round's ratio is against their mean: a
machine that slows down slows both.
"""

from __future__ import annotations

import statistics
import time

from bench import floor, load, machine, processes, service
from bench.figure import Figure
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
    ratios, rates, floors, host, keeper = [], [], [], [], []
    with running.session("bank") as session:
        attested = session.attested
    for _ in range(ROUNDS):
        sealed = load.seal(TRANSFER, key=running.keys["bank"], attested=attested, requests=requests, commands=commands)
        before, cpu = _floor(server, commands), [processes.cpu_seconds(p) for p in (running.host, running.enclave)]
        sent = load.send(running, sealed, clients=clients)
        spent = [processes.cpu_seconds(p) - c for p, c in zip((running.host, running.enclave), cpu, strict=True)]
        count = sent.check()
        floors.append(2 / (before + _floor(server, commands)))
        rates.append(count / sent.seconds)
        ratios.append(rates[-1] / floors[-1])
        host.append(spent[0] / count * 1e6)
        keeper.append(spent[1] / count * 1e6)
    name = f"{commands} to an envelope, {clients} clients" if commands > 1 else f"one by one, {clients} clients"
    shares = f"host {statistics.median(host):.0f} µs, keeper {statistics.median(keeper):.0f} µs of processor each"
    return [
        Figure(name=f"commands, {name}", value=statistics.median(rates), unit="/s", note=shares),
        Figure(name=f"floor, {name}", value=statistics.median(floors), unit="/s"),
        Figure(
            name=f"share of the floor, {name}",
            value=statistics.median(ratios),
            unit="",
            target=target,
            note=f"{ROUNDS} rounds: {min(ratios):.2f} to {max(ratios):.2f}",
        ),
    ]


def _floor(server: int, commands: int) -> float:
    with machine.on_core(server):
        return floor.seconds_per_command(commands=commands)


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
