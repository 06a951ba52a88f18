"""What runs for a query, and under whose terms: text in, `Plan` out, or a refusal (docs/reference/query-language.md).

Pure and deterministic: whoever has the text, the terms and the log time makes the same plan. The steps:

1. The terms of every owner hold at that time and name the recipient.
2. The text is one SELECT within the limits.
3. Every construct is on the allowlist, every column and its use is in every owner's terms.
4. New SQL is written, with the thresholds of the strictest terms.

Not here: several queries together. What two answers say by their difference is not looked at in version 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated

from msgspec import Meta

from tobari.base.messages.command import Digest
from tobari.base.messages.objects import DatasetId
from tobari.base.principal import MemberName
from tobari.base.wire import Message
from tobari.rules.query import parse, reading
from tobari.rules.query.algebra import Output
from tobari.rules.query.render import render
from tobari.rules.query.table import Contribution, Table
from tobari.rules.query.terms import ColumnType, RoomName


class OutputColumn(Message, frozen=True, kw_only=True):
    """A column of the answer."""

    name: str
    type: ColumnType
    """Of aggregates: integer (64 bits) for COUNT and SUM of integers, real else. Any of them may be NULL: withheld."""
    source: str
    """A group column's name, or an aggregate like AVG(age)."""


class InputColumn(Message, frozen=True, kw_only=True):
    """A column of the data that is read; the entity is the first."""

    name: str
    type: ColumnType


class UsedTerms(Message, frozen=True, kw_only=True):
    """A dataset that the query reads, and the terms that allow it."""

    dataset: DatasetId
    owner: MemberName
    terms: Digest


class Plan(Message, frozen=True, kw_only=True):
    """A query that is allowed."""

    sql: str
    """DuckDB SQL over one table named data, with the columns of `reads`."""
    query: Digest
    """SHA-256 of `sql`: the same for every spelling that differs in space, comments and the case of names only."""
    outputs: tuple[OutputColumn, ...]
    reads: tuple[InputColumn, ...]
    min_group: Annotated[int, Meta(ge=2)]
    """The largest of all owners'."""
    inputs: tuple[UsedTerms, ...]
    """Sorted by dataset."""


def plan(sql: str, *, room: RoomName, contributions: Sequence[Contribution], recipient: MemberName, at: int) -> Plan:
    """The plan of an analyst's query over all datasets of a room, at that log time (ms).

    `contributions` carry terms that `verify_terms` returned.

    Raises:
        Refused, Malformed, TooLarge: `query.*` and `terms.*`, as docs/reference/query-language.md lists them. The texts
            name columns, rules and owners, never literals of the query.
    """
    table = Table(room=room, contributions=contributions)
    table.admit(recipient=recipient, at=at)
    query = reading.read(parse.parse(sql), table)
    text = render(query, min_group=table.min_group)
    used = [UsedTerms(dataset=c.terms.dataset, owner=c.owner, terms=c.terms.digest()) for c in contributions]
    return Plan(
        sql=text,
        query=sha256(text.encode()).digest(),
        outputs=tuple(_output(output) for output in query.outputs),
        reads=tuple(InputColumn(name=column.name, type=column.type) for column in query.reads),
        min_group=table.min_group,
        inputs=tuple(sorted(used, key=lambda one: one.dataset)),
    )


def _output(output: Output) -> OutputColumn:
    return OutputColumn(name=output.name, type=output.of.type, source=output.source)
