"""Memory files (memfd): how sealed chunks, keys and results pass between processes without a path or a pipe."""

from __future__ import annotations

import fcntl
import os

_FINAL = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


def create() -> int:
    """A new, empty memory file; its owner closes it."""
    return os.memfd_create("tobari", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def holding(data: bytes) -> int:
    """A memory file with that content, for reading only."""
    descriptor = create()
    append(descriptor, data)
    freeze(descriptor)
    return descriptor


def append(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def freeze(descriptor: int) -> None:
    """Nobody writes it from now on, whoever holds it."""
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _FINAL)


def content(descriptor: int, *, max_bytes: int) -> bytes | None:
    """All of it, or None if it is larger."""
    size = os.fstat(descriptor).st_size
    if size > max_bytes:
        return None
    parts = []
    offset = 0
    while part := os.pread(descriptor, size - offset, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)
