"""What a worker gives up before it sees a key (docs/adr/0003-jailed-workers.md).

    1. it dies with the server, has no terminal, no core file, nobody may look into it, no new privileges
    2. Landlock: code and what DuckDB asks of the machine may be read, nothing may be written
    3. descriptors: only those of the job, and /dev/null in place of the standard three
    4. ceilings on processor time, memory and file size; no capabilities; an empty environment
    5. the engine is opened, since that reads from the machine
    6. seccomp over all threads that there are by now

Then the guards are read back. The limits of wall time and of results are the server's and the keeper's to keep.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import resource
import signal
from collections.abc import Callable, Collection
from typing import TypeVar

from tobari.enclave import guards, syscalls

T = TypeVar("T")

READABLE = (*guards.CODE_FOLDERS, "/proc/self", "/sys/devices/system/cpu", "/sys/fs/cgroup")
"""DuckDB aborts without the last three."""

DIES_WITH_SERVER = "dies-with-server"
CLOSED_DESCRIPTORS = "closed-descriptors"
CEILINGS = "ceilings"
EMPTY_ENVIRONMENT = "empty-environment"

_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG = 1, 2
_MAX_DESCRIPTORS = 512
_BOUNDED = (
    resource.RLIMIT_CPU,
    resource.RLIMIT_DATA,
    resource.RLIMIT_AS,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE,
)


def enter(
    *, server: int, keep: Collection[int], seconds: int, memory: int, file_size: int, prepare: Callable[[], T]
) -> tuple[T, list[str]]:
    """Lock this process up, for good; it was just forked and has one thread.

    `server`: its parent's process id. `keep`: descriptors to leave open. `memory`: bytes it may allocate from now on.
    `file_size`: bytes any file may grow to. `prepare` runs between Landlock and seccomp.

    Returns what `prepare` gave and the guards in force, sorted.
    """
    die_with(server)
    guards.refuse_dumps()
    guards.refuse_new_privileges()
    landlocked = guards.restrict_files(READABLE)
    close_descriptors(keep)
    _set_ceilings(seconds=seconds, memory=memory, file_size=file_size)
    guards.drop_capabilities()
    wipe_environment()
    prepared = prepare()
    guards.restrict_syscalls(syscalls.WORKER)
    return prepared, sorted(landlocked + guards.in_force() + _in_force(keep))


def die_with(parent: int) -> None:
    """The kernel kills this process when the thread that forked it ends."""
    guards.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the request
        os._exit(1)


def silence(*streams: int) -> None:
    """Put /dev/null in place of these standard streams: a library's complaint may quote data."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in streams:
        os.dup2(null, stream)
    os.close(null)


def close_descriptors(keep: Collection[int]) -> None:
    """Close all but `keep` and the standard three."""
    edges = sorted({0, 1, 2, *keep})
    for lower, upper in zip(edges, [*edges[1:], 1 << 30], strict=True):
        os.closerange(lower + 1, upper)


def wipe_environment() -> None:
    """Overwrite the variables where they lie, then forget them: /proc/self/environ shows that memory."""
    variables = ctypes.POINTER(ctypes.c_void_p).in_dll(guards.libc, "environ")
    place = 0
    while variables and (text := variables[place]):
        ctypes.memset(text, 0, len(ctypes.string_at(text)))
        place += 1
    guards.libc.clearenv()
    os.environ.clear()


def _set_ceilings(*, seconds: int, memory: int, file_size: int) -> None:
    status = pathlib.Path("/proc/self/status").read_text()
    mapped, private = (int(status.partition(name)[2].split()[0]) << 10 for name in ("VmSize:", "VmData:"))
    ceilings = {
        resource.RLIMIT_CPU: seconds + 1,
        resource.RLIMIT_DATA: private + memory,
        resource.RLIMIT_AS: mapped + 2 * memory,  # shared memory counts here alone, and so do mere reservations
        resource.RLIMIT_FSIZE: file_size,
        resource.RLIMIT_NOFILE: _MAX_DESCRIPTORS,
    }
    for what, wanted in ceilings.items():
        _, most = resource.getrlimit(what)
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(what, (value, value))


def _environment() -> bytes:
    """What /proc/self/environ shows; a process that is not dumpable and not root's may not open that itself."""
    fields = pathlib.Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[47]), int(fields[48])  # env_start and env_end, proc_pid_stat(5)
    return ctypes.string_at(start, end - start)


def _in_force(keep: Collection[int]) -> list[str]:
    death_signal = ctypes.c_int()
    guards.libc.prctl(_PR_GET_PDEATHSIG, ctypes.byref(death_signal))
    listed = os.listdir("/proc/self/fd")  # with the descriptor of the listing itself, which is gone by now
    inherited = {int(name) for name in listed if os.path.lexists(f"/proc/self/fd/{name}")}
    found = {
        DIES_WITH_SERVER: death_signal.value == signal.SIGKILL,
        CLOSED_DESCRIPTORS: inherited <= {0, 1, 2, *keep},
        CEILINGS: all(resource.getrlimit(what)[1] != resource.RLIM_INFINITY for what in _BOUNDED),
        EMPTY_ENVIRONMENT: not _environment().strip(b"\0"),
    }
    return [name for name, holds in found.items() if holds]
