"""Job, a kernel noun: work too long for a transaction, done by a jailed worker between two log entries.

The entry that submits it makes it durable, so that a restart does it again; the entry that completes it holds what came
of it. In between it changes nothing.
"""

from __future__ import annotations

import enum
from typing import Any, Literal

import msgspec

from tobari.base import wire
from tobari.base.messages.command import CommandId, ErrorReport
from tobari.base.messages.objects import ObjectRef
from tobari.base.principal import MemberName
from tobari.base.wire import Message


class JobState(enum.StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Source(Message, frozen=True, kw_only=True):
    """One sealed object that a worker reads, with the key that opens it."""

    dataset: bytes
    object_index: int
    object: ObjectRef
    format: str
    data_key: bytes

    def __repr__(self) -> str:
        return f"Source(dataset={self.dataset.hex()}, object_index={self.object_index}, …)"


class Column(Message, frozen=True, kw_only=True):
    name: str
    type: str


class Work(Message, frozen=True, kw_only=True):
    """What the worker is to do: `query` runs `sql` over the union of the sources, `inspect` counts what is in them."""

    kind: Literal["query", "inspect"]
    sources: list[Source]
    columns: list[Column]
    sql: str | None = None
    entity: str | None = None


class Job(Message, frozen=True, kw_only=True):
    id: CommandId
    program: str
    by: MemberName
    state: JobState
    about: dict[str, Any]
    """What the program wants back when the job is over."""
    work: Work | None
    """None once it is over: data keys are not kept twice."""
    started: int
    attempts: int = 1
    """Times it was begun."""
    ended_at: int | None = None
    error: ErrorReport | None = None
    """Why, if it failed or was cut short."""

    def encode(self) -> bytes:
        return wire.to_cbor(self)

    @staticmethod
    def from_bytes(data: bytes) -> Job:
        return wire.from_own(data, Job)

    def again(self) -> Job:
        return msgspec.structs.replace(self, attempts=self.attempts + 1)

    def ended(self, state: JobState, *, time: int, error: ErrorReport | None) -> Job:
        return msgspec.structs.replace(self, state=state, work=None, ended_at=time, error=error)
