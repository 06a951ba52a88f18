"""The one error tree.

    TobariError
    ├── Malformed      400  the bytes are not what their format says
    ├── Unauthorized   401  nobody we know signed this
    ├── Refused        403  understood, and not permitted
    ├── NotFound       404
    ├── Conflict       409  it was permitted, and the state forbids it
    ├── TooLarge       413  a limit on what comes from outside
    ├── Untrusted      422  evidence, a proof or a signature does not hold
    ├── Limited        429  too often: wait and try again
    ├── Broken         500  an invariant of our own does not hold: stop
    └── Unavailable    503  not now

Every error has a stable code (`family.reason`, listed in docs/reference/errors.md), an HTTP status, and a message
that tells the reader what to do next. Messages never carry data: they name columns, rules and owners, not values.
"""

from __future__ import annotations

from typing import ClassVar


class TobariError(Exception):
    """Root of every error this package raises on purpose."""

    status: ClassVar[int] = 500

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class Malformed(TobariError):
    status = 400


class Unauthorized(TobariError):
    status = 401


class Refused(TobariError):
    status = 403


class NotFound(TobariError):
    status = 404


class Conflict(TobariError):
    status = 409


class TooLarge(TobariError):
    status = 413


class Untrusted(TobariError):
    status = 422


class Limited(TobariError):
    status = 429


class Broken(TobariError):
    status = 500


class Unavailable(TobariError):
    status = 503


_BY_STATUS: dict[int, type[TobariError]] = {
    kind.status: kind
    for kind in (
        Malformed, Unauthorized, Refused, NotFound, Conflict, TooLarge, Untrusted, Limited, Broken, Unavailable
    )
}  # fmt: skip


def from_status(status: int, code: str, message: str) -> TobariError:
    """The error that another party reported, as the same class it had there."""
    return _BY_STATUS.get(status, Broken)(code, message)
