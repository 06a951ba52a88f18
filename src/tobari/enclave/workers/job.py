"""What a worker is told, and what it answers: the messages between keeper and worker.

They travel in memory files, never in arguments or environment. The work itself is the kernel's noun
(`tobari.enclave.runtime.job.Work`); source i of it is the i-th object descriptor.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tobari.base.wire import Message
from tobari.enclave.runtime.job import Work

MAX_OBJECTS = 240
"""Objects of one job; the kernel passes at most 253 descriptors at once."""
MAX_ASSIGNMENT = 8 << 20

Count = Annotated[int, Meta(ge=0)]


class Limits(Message, frozen=True, kw_only=True):
    """What one job may use and give."""

    seconds: Annotated[int, Meta(ge=1, le=3600)] = 60
    memory: Annotated[int, Meta(ge=64 << 20)] = 1 << 30
    """Bytes the worker may allocate; half of them the engine."""
    input_bytes: int = 512 << 20
    """Of each object decrypted, and of all its columns decoded: a decompression bomb ends here."""
    input_rows: int = 20_000_000
    rows: int = 10_000
    """Of the result."""
    result_bytes: int = 640 << 10
    """Of the result; what is released must fit one answer."""


class Assignment(Message, frozen=True, kw_only=True):
    """The content of the work's memory file: it holds data keys."""

    work: Work
    limits: Limits
    guards: list[str]
    """What the evidence states; a worker that lacks one of them opens nothing."""


class Rows(Message, frozen=True, kw_only=True):
    """Result of a query. A type is text, integer, real, boolean or date; a date is ISO text; None is NULL.

    Sums that do not fit 64 bits and reals that are not finite are None: an error would tell of the data.
    """

    columns: list[str]
    types: list[str]
    rows: list[list[bool | int | float | str | None]]


class Inspection(Message, frozen=True, kw_only=True):
    """Result of looking at a contribution, before any query."""

    rows: Count
    entities: Count
    """Distinct values of the entity column that are not null."""
    decoded_bytes: Count
    """Of all columns in memory."""
    bad_cells: list[Count]
    """For each column of the work: cells that do not hold its type. They read as NULL."""
