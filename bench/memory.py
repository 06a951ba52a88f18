"""Memory of an idle service: what its processes hold after the start, before any call but the evidence.

PSS counts a shared page by its share, so that the sum is what the machine gives; RSS counts it in each process.
"""

from __future__ import annotations

import time

from bench import machine, processes, service
from bench.figure import Figure

SETTLE_SECONDS = 3.0
MIB = 1 << 20


def run() -> list[Figure]:
    members = {"hospital": ["owner"], "analyst": ["analyst"]}
    with service.running(members=members, programs=["currency", "room"], core=machine.cores()[0]) as running:
        time.sleep(SETTLE_SECONDS)
        found = [processes.memory(pid) for pid in (running.host, running.enclave, running.workers)]
    (host, keeper, workers), rss = [pss for _, pss in found], [rss for rss, _ in found]
    return [
        Figure(
            name="host and keeper, idle",
            value=(host + keeper) / MIB,
            unit="MiB PSS",
            target=128,
            bound="at most",
            note=f"host {host / MIB:.0f}, keeper {keeper / MIB:.0f}; RSS {sum(rss[:2]) / MIB:.0f}",
        ),
        Figure(
            name="with the worker server, idle",
            value=(host + keeper + workers) / MIB,
            unit="MiB PSS",
            target=320,
            bound="at most",
            note=f"worker server {workers / MIB:.0f}; RSS {sum(rss) / MIB:.0f}",
        ),
    ]
