"""Guards: what a process gives up about itself, and what the kernel then says of it (docs/adr/0003-jailed-workers.md).

Each guard is put in force by one function and stated only by reading it back: from /proc/self/task/*/status for every
thread, from prctl and getrlimit, and for Landlock, which the kernel does not report, by an access that must be refused.
A guard that this machine lacks is absent from the list; whether that is good enough, appraisal policy decides.

Not here: which system calls stay allowed (`syscalls`), and the guards that only workers have (`workers.jail`).

Import this module before Landlock is in force: loading libseccomp searches the system's library folders.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import resource
import sys
from collections.abc import Iterable

import landlock

import tobari
from tobari.enclave import syscalls

LANDLOCK = "landlock"
SECCOMP = "seccomp"
NO_NEW_PRIVILEGES = "no-new-privileges"
NO_CAPABILITIES = "no-capabilities"
NOT_DUMPABLE = "not-dumpable"
NO_CORE = "no-core"

_SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
CODE_FOLDERS = (
    *(sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix),
    *tobari.__path__,
    *_SYSTEM_LIBRARIES,
)
"""Python imports lazily, and some modules bring in shared libraries: code must stay readable."""

PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 3, 4, 38
_CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, argument: int = 0) -> int:
    """prctl(2).

    Raises:
        OSError: the kernel refused.
    """
    long = ctypes.c_ulong
    answer: int = libc.prctl(option, long(argument), long(0), long(0), long(0))
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def refuse_dumps() -> None:
    """No core file, and no other process of the same user may read this one's memory or descriptors."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl(PR_SET_DUMPABLE, 0)


def refuse_new_privileges() -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Of this thread, for good: what root may do in spite of file modes, and to other processes."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    libc.capset(ctypes.byref(header), ctypes.byref(none))  # a refusal shows when the guard is read back


def restrict_files(readable: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Landlock for this thread and those it starts: what is listed may be read, nothing may be written.

    Returns `[LANDLOCK]`, or nothing where it is not in force or other threads escape it.
    """
    read = landlock.FSAccess.READ_FILE | landlock.FSAccess.READ_DIR
    ctypes.set_errno(0)  # the package takes a stale errno for a failure
    try:
        rules = landlock.Ruleset()
        for path in sorted({os.fspath(path) for path in readable if os.path.exists(path)}):
            rules.allow(path, rules=read if os.path.isdir(path) else landlock.FSAccess.READ_FILE)
        rules.apply()
    except (OSError, landlock.LandlockError):
        return []
    return [LANDLOCK] if len(_threads()) == 1 and not _may_open("/") else []


def restrict_syscalls(allowed: Iterable[str]) -> None:
    """The allowlist for all threads of the process; every other call fails with EPERM."""
    # Refused, or no libseccomp on this machine: that shows when the guard is read back.
    with contextlib.suppress(OSError):
        syscalls.allow_only(allowed)


def in_force() -> list[str]:
    """The guards that the kernel reports, Landlock excepted."""
    threads = [_status(thread) for thread in _threads()]
    found = {
        SECCOMP: all(status["Seccomp"] == "2" for status in threads),
        NO_NEW_PRIVILEGES: all(status["NoNewPrivs"] == "1" for status in threads),
        NO_CAPABILITIES: all(int(status[name], 16) == 0 for status in threads for name in ("CapPrm", "CapEff")),
        NOT_DUMPABLE: prctl(PR_GET_DUMPABLE) == 0,
        NO_CORE: resource.getrlimit(resource.RLIMIT_CORE) == (0, 0),
    }
    return [name for name, holds in found.items() if holds]


def _threads() -> list[pathlib.Path]:
    return list(pathlib.Path("/proc/self/task").iterdir())


def _status(thread: pathlib.Path) -> dict[str, str]:
    lines = (thread / "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _may_open(folder: str) -> bool:
    try:
        os.close(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
    except PermissionError:
        return False
    return True
