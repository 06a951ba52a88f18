"""Reading and writing the user's files, within limits."""

from __future__ import annotations

import os
from pathlib import Path

from tobari.base.errors import Malformed, NotFound, TooLarge


def read_bytes(path: Path, *, limit: int) -> bytes:
    """A whole file of at most `limit` bytes.

    Raises:
        NotFound: `cli.file`, it cannot be read.
        TooLarge: `cli.file_size`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise NotFound("cli.file", f"The file {path} cannot be read: {error.strerror}.") from None
    if len(data) > limit:
        raise TooLarge("cli.file_size", f"The file {path} may have at most {limit} bytes.")
    return data


def read_text(path: Path, *, limit: int) -> str:
    """The same as text in UTF-8.

    Raises:
        NotFound, TooLarge: as `read_bytes`.
        Malformed: `cli.file_text`, it is not UTF-8.
    """
    try:
        return read_bytes(path, limit=limit).decode()
    except UnicodeDecodeError:
        raise Malformed("cli.file_text", f"The file {path} is not text in UTF-8.") from None


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file in one step, so that nobody ever reads half of it.

    Raises:
        OSError: the system refused.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
