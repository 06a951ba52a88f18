"""Files of the user: private folders, and writes that leave either the old content or the new one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tobari.base.errors import Refused, TooLarge

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


def make(folder: Path) -> None:
    """Make a folder and what is missing above it, durably, for its owner alone. What is there stays as it is."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        sync(missing.parent)


def make_private(folder: Path) -> Path:
    """As `make`, for a folder that only its owner can look into.

    Raises:
        Refused: `client.not_private`, it is there and others can look into it.
    """
    make(folder)
    _refuse_shared(folder.stat(), folder)
    return folder


def replace(path: Path, data: bytes) -> None:
    """Put `data` at `path`, durably and at once (mode 0600)."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(name, path)
    except BaseException:
        os.unlink(name)
        raise
    sync(path.parent)


def create(path: Path, data: bytes) -> None:
    """Like `replace`, for a path where nothing is yet.

    Raises:
        FileExistsError: something is.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    finally:
        os.unlink(name)
    sync(path.parent)


def read(path: Path, *, max_bytes: int) -> bytes | None:
    """The content, or None if nothing is there.

    Raises:
        TooLarge: `client.file_too_large`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    if len(data) > max_bytes:
        raise TooLarge("client.file_too_large", f"The file {path.name} is larger than such a file can be.")
    return data


def read_private(path: Path, *, max_bytes: int) -> bytes | None:
    """Like `read`, for secrets.

    Raises:
        Refused: `client.not_private`, others can read it.
        TooLarge: `client.file_too_large`.
    """
    with contextlib.suppress(FileNotFoundError):
        _refuse_shared(path.stat(), path)
    return read(path, max_bytes=max_bytes)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; other processes wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_shared(status: os.stat_result, path: Path) -> None:
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or status.st_uid != os.geteuid():
        raise Refused("client.not_private", f"Others than you can read {path}: make it yours alone (chmod go= {path}).")
