"""What `tobari doctor` looks at on this machine: Python, packages, kernel, disk, clock.

It looks and changes nothing, but for one small file that it writes to time the disk and removes again.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tobari
from tobari.cli.findings import Finding, fail, ok, warn
from tobari.cli.virtual_root import state_directory

_EXTRAS = ("node", "room")
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;.*extra == ['\"](?P<extra>\w+)['\"].*)?")
"""One line of the package's metadata: a distribution, and the extra that asks for it, if one does."""
_TRIED = ((3, 11), (3, 12), (3, 13))
_LANDLOCK_CREATE_RULESET, _LANDLOCK_VERSION = 444, 1
_SYNCS = 8
_PATIENCE = 20
"""Seconds for one start of Python."""
_SLOW = 0.03
"""Seconds for one fsync, above which every command is felt to wait."""


def examine() -> list[Finding]:
    """All checks of the machine, in a fixed order."""
    return [
        _python(),
        _base(),
        *map(_extra, _EXTRAS),
        _isolated(),
        _landlock(),
        _seccomp(),
        _memfd(),
        _user(),
        _disk(),
        _clock(),
    ]


def _python() -> Finding:
    if sys.version_info[:2] not in _TRIED:
        return warn("python", platform.python_version(), "Tobari is tested on Python 3.11 to 3.13.")
    return ok("python", platform.python_version())


def _base() -> Finding:
    versions = {name: _version(name) for name in required(None)}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return fail("packages", f"missing: {', '.join(missing)}", "Install tobari again: pip install tobari")
    return ok("packages", ", ".join(f"{name} {version}" for name, version in versions.items()))


def required(extra: str | None) -> list[str]:
    """The distributions that an extra asks for, None for the base install; sorted."""
    lines = importlib.metadata.requires("tobari") or []
    found = [match for line in lines if (match := _REQUIREMENT.fullmatch(line))]
    return sorted(match["name"] for match in found if match["extra"] == extra)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extra(extra: str) -> Finding:
    missing = [name for name in required(extra) if _version(name) is None]
    if missing:
        return warn(
            f"extra {extra}",
            f"missing: {', '.join(missing)}",
            f"Needed to run a service here: pip install 'tobari[{extra}]'. Clients do without.",
        )
    return ok(f"extra {extra}", "installed")


def _isolated() -> Finding:
    """Whether the enclave's process finds its code: it is started without the user's own packages and paths."""
    try:
        words = (sys.executable, "-I", "-c", "import tobari.enclave")
        done = subprocess.run(words, capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603  our own words
        found = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        found = False
    if not found:
        advice = "Install tobari into a virtual environment (python -m venv): a service starts without user packages."
        return warn("isolated", "tobari is not found by an isolated Python", advice)
    return ok("isolated", "an isolated Python finds tobari")


def _landlock() -> Finding:
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(ctypes.c_long(_LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return warn("landlock", "not in this kernel", "Use Linux 5.13 or newer with Landlock: policies ask for it.")
    return ok("landlock", f"ABI {version}")


def _seccomp() -> Finding:
    try:
        actions = Path("/proc/sys/kernel/seccomp/actions_avail").read_text("ascii").split()
    except OSError:
        actions = []
    if "errno" not in actions:
        return warn("seccomp", "not in this kernel", "Use a kernel with CONFIG_SECCOMP_FILTER: policies ask for it.")
    return ok("seccomp", "filters")


def _memfd() -> Finding:
    try:
        os.close(os.memfd_create("tobari-doctor", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))
    except (OSError, AttributeError):
        return fail("memfd", "refused", "Data is handed to workers in memfd: allow memfd_create on this machine.")
    return ok("memfd", "with sealing")


def _user() -> Finding:
    if os.geteuid() == 0:
        return warn("user", "root", "Run services as a user of their own: what has no privilege cannot lose it.")
    return ok("user", "unprivileged")


def _disk() -> Finding:
    folder = state_directory()
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".tobari-doctor") as file:
            seconds = sorted(_sync(file) for _ in range(_SYNCS))[_SYNCS // 2]
    except OSError as error:
        return fail("disk", f"{folder}: {error.strerror}", "Make the state directory writable, or set XDG_STATE_HOME.")
    found = f"{folder}: {seconds * 1000:.1f} ms for one durable write"
    if seconds > _SLOW:
        return warn("disk", found, "Every batch of commands waits for this: put the data directory on a faster disk.")
    return ok("disk", found)


def _sync(file: Any) -> float:
    start = time.perf_counter()
    file.write(bytes(4096))
    file.flush()
    os.fsync(file.fileno())
    return time.perf_counter() - start


def _clock() -> Finding:
    now = time.time()
    found = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    if now < Path(tobari.__file__).stat().st_mtime - 86_400:
        return fail("clock", found, "It is earlier than the day this program was installed: set the clock.")
    return ok("clock", found)
