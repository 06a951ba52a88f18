"""The ways in which a job can fail. Codes and texts are fixed: what a library says of its input stays in the worker.

A worker names a failure by its code and at most the position of a column; the keeper makes the error of it. The same
input fails in the same way at contribution, so that a query over accepted data meets only the limits.
"""

from __future__ import annotations

from tobari.base.errors import Broken, Conflict, Malformed, TobariError, TooLarge, Unavailable, Untrusted


class JobFailed(Exception):
    """Raised inside a worker: `code` is one of this module's."""

    def __init__(self, code: str, *, column: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.column = column


_FIXED = (
    Unavailable("worker.timeout", "The computation took longer than it may and was stopped: ask for less at a time."),
    TooLarge("worker.memory", "The computation needs more memory than it may have: ask for less at a time."),
    Conflict("worker.cancelled", "The job was cancelled; nothing of it was kept."),
    Broken("worker.died", "The worker ended without an answer: the input or the query broke it. Please report it."),
    Broken("worker.guards", "The worker lacked a guard that the evidence states, and opened nothing: restart it."),
    Broken("worker.query", "The engine refused the query that the policy had made: please report the query."),
    TooLarge("worker.rows", "The result has more rows than a result may have: group it more coarsely."),
    TooLarge("worker.result", "The result has more bytes than a result may have: ask for fewer columns or rows."),
    Untrusted("object.root", "A sealed object is not the one that was contributed: the host altered it."),
    Untrusted("object.chunk", "A chunk of an object is not what its owner sealed there: contribute the object again."),
    Malformed("dataset.format", "An object cannot be read as the format it is said to be: check it and seal it again."),
    TooLarge("dataset.size", "An object has more rows, columns or decompressed bytes than it may: split it."),
)
_TEXTS = {error.code: error for error in _FIXED}


def to_error(code: str, *, column: str | None = None) -> TobariError:
    """The error of a code; whatever a worker should not have said is `worker.died`."""
    if code == "dataset.column" and column is not None:
        return Malformed(
            "dataset.column",
            f"Column '{column}' is missing, stands twice, or does not have the type that the terms name:"
            " correct the data or the terms.",
        )
    known = _TEXTS.get(code, _TEXTS["worker.died"])
    return type(known)(known.code, known.message)
