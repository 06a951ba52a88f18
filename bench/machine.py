"""What the measurements ran on, and which core does what. No names of hosts or people."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path


def cores() -> tuple[int, int]:
    """The core of the service and the core of the load: the first two that this process may use; one if it has one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[min(1, len(allowed) - 1)]


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run on that core alone; what is started meanwhile inherits it and stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def description() -> str:
    """Processor, cores, memory, kernel, Python."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    virtual = ", virtual machine" if "hypervisor" in Path("/proc/cpuinfo").read_text() else ""
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores{virtual}, {gib:.0f} GiB; Linux {platform.release()}; "
        f"Python {platform.python_version()}"
    )
