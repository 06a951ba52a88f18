"""How a command ends: the exit code, and what is said of an error (docs/reference/cli.md)."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator
from typing import Any

from tobari.base.errors import Malformed, NotFound, TobariError, TooLarge


class Exit(enum.IntEnum):
    """The exit codes. They are stable."""

    GOOD = 0
    REFUSED = 1
    """By the service, by a check, or because something that it needs is not there."""
    USAGE = 2
    """The command line itself is at fault."""
    INPUT = 3
    """A file given to it is not what was expected."""
    INTERRUPTED = 130
    """By Ctrl-C, as shells have it: 128 and the number of SIGINT."""


class BadInput(Exception):
    """A local file is at fault; `error` says why."""

    def __init__(self, error: TobariError) -> None:
        super().__init__(str(error))
        self.error = error


class Declined(Exception):
    """The command has shown its whole result, `error` included, and it is no good one."""

    def __init__(self, error: TobariError, *, code: Exit = Exit.REFUSED) -> None:
        super().__init__(str(error))
        self.error = error
        self.code = code


@contextlib.contextmanager
def local_input() -> Iterator[None]:
    """What is read in here comes from the user's own files: what is wrong with it ends with exit code 3."""
    try:
        yield
    except (Malformed, TooLarge, NotFound) as error:
        raise BadInput(error) from None


def document(error: TobariError) -> dict[str, Any]:
    """The error as `--json` prints it."""
    return {"error": {"code": error.code, "message": error.message, "status": error.status}}
