"""The data directory: what the operator has of a service. One process may hold it at a time.

    log.sqlite     the log, the sealed state, the newest snapshot and checkpoint (store.py)
    objects/       sealed objects (objects.py)
    lock           held by the process that serves

All of it is ciphertext or public. The virtual platform's root must lie elsewhere: a copy of this directory then opens
nothing.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from tobari.base.errors import Conflict, NotFound, Refused


class DataDirectory:
    """Opened by `with`, which takes the lock.

    Raises:
        Conflict: `host.locked`, another process serves from it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def log(self) -> Path:
        return self.path / "log.sqlite"

    @property
    def objects(self) -> Path:
        return self.path / "objects"

    def __enter__(self) -> DataDirectory:
        for missing in reversed([path for path in (self.path, *self.path.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
            sync_directory(missing.parent)
        self.objects.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise Conflict(
                "host.locked", "Another process serves from this data directory; stop it first, or name another one."
            ) from None
        self._lock = lock
        sync_directory(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def open_root(self, path: Path) -> int:
        """A descriptor of the virtual platform's root secret, for the enclave to inherit. It is not read here.

        Raises:
            Refused: `host.root_in_data`, the secret lies in the data directory.
            NotFound: `host.root_missing`, it cannot be opened.
        """
        if path.resolve().is_relative_to(self.path.resolve()):
            raise Refused(
                "host.root_in_data", "The virtual platform's root must lie outside the data directory; move it away."
            )
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise NotFound(
                "host.root_missing", f"The virtual platform's root cannot be opened: {error.strerror}."
            ) from None


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable (fsync(2): that of the file does not do it)."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
