"""What workers and server tell each other's keeper: small messages without data.

`Phase` and `Verdict` come out of a jailed worker that may have been taken over by what it parsed. The server checks
their form and passes them on under the job's number, which the worker does not choose.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from tobari.base.wire import Message

MAX_REPORT = 512
"""Bytes of one report; a pipe takes them whole or not at all."""

PhaseName = Literal["open", "parse", "compute", "answer"]
Fraction = Annotated[float, Meta(ge=0, le=1)]
FailureCode = Annotated[str, Meta(pattern=r"^[a-z]+\.[a-z_]+\Z", max_length=64)]
ColumnIndex = Annotated[int, Meta(ge=0, lt=1 << 16)]


# --- worker to server --------------------------------------------------------------------------------------------


class Phase(Message, frozen=True, kw_only=True, tag="phase"):
    phase: PhaseName
    fraction: Fraction


class Verdict(Message, frozen=True, kw_only=True, tag="verdict"):
    """The worker's last word; no code means that the result is written."""

    code: FailureCode | None = None
    column: ColumnIndex | None = None
    """Which column of the work, by position, if the failure is about one."""


# --- keeper to server --------------------------------------------------------------------------------------------


class Start(Message, frozen=True, kw_only=True, tag="start"):
    """Comes with descriptors: the assignment, the result, then the objects."""

    job: int
    seconds: int
    memory: int
    result_bytes: int


class Cancel(Message, frozen=True, kw_only=True, tag="cancel"):
    job: int


# --- server to keeper --------------------------------------------------------------------------------------------


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """The guards that a worker found in force around itself."""

    guards: list[str]


class Moved(Message, frozen=True, kw_only=True, tag="moved"):
    job: int
    phase: PhaseName
    fraction: Fraction


class Ended(Message, frozen=True, kw_only=True, tag="ended"):
    """The worker is gone, and with it every writer of the result."""

    job: int
    verdict: Verdict


FromWorker = Phase | Verdict
ToServer = Start | Cancel
ToKeeper = Ready | Moved | Ended
