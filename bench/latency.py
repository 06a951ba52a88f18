"""How long one durable command takes with nothing else running, beside what the disk takes to sync the same bytes.

From the first byte of the sealed request to the last of its answer, over one kept connection. The disk's own time is
that of appending the entry's size to a file beside the log and calling fdatasync. A log's commit syncs once.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from bench import load, machine, service
from bench.commands import TRANSFER
from bench.figure import Figure

COMMANDS = 1000
ENTRY = 4096
"""Bytes synced at once: SQLite's page."""


def run() -> list[Figure]:
    server, client = machine.cores()
    with (
        service.running(members={"bank": ["issuer"], "shop": []}, programs=["currency"], core=server) as running,
        machine.on_core(client),
    ):
        with running.session("bank") as session:
            session.call("currency", "issue", {"to": "bank", "amount": 10**9})
            attested = session.attested
        sealed = load.seal(TRANSFER, key=running.keys["bank"], attested=attested, requests=COMMANDS, commands=1)
        sent = load.send(running, sealed, clients=1)
        sent.check()
        disk = _syncs(running.data / "sync")
    return [
        *_percentiles("one durable command", sent.latencies),
        *_percentiles(f"the disk's fdatasync of {ENTRY} bytes", disk),
    ]


def _percentiles(name: str, seconds: list[float]) -> list[Figure]:
    hundredths = statistics.quantiles(seconds, n=100)
    return [
        Figure(name=f"{name}, p50", value=hundredths[49] * 1e3, unit="ms"),
        Figure(name=f"{name}, p99", value=hundredths[98] * 1e3, unit="ms"),
    ]


def _syncs(path: Path) -> list[float]:
    """Seconds of each of many appends with their sync."""
    taken = []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        for _ in range(COMMANDS):
            begin = time.perf_counter()
            os.write(descriptor, bytes(ENTRY))
            os.fdatasync(descriptor)
            taken.append(time.perf_counter() - begin)
    finally:
        os.close(descriptor)
    return taken
