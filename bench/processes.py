"""Reading other processes: who belongs to a service, how much processor and memory each has used."""

from __future__ import annotations

import os
from pathlib import Path


def children(pid: int) -> list[int]:
    """Its direct children."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def cpu_seconds(pid: int) -> float:
    """User and system time of all its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[int, int]:
    """(RSS, PSS) in bytes. PSS shares a page among those who map it, so that sums of it count nothing twice."""
    sizes = {
        name: int(value.split()[0]) << 10
        for name, _, value in (
            line.partition(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        )
    }
    return sizes["Rss"], sizes["Pss"]
