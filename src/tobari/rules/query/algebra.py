"""A query of version 0 as types: what cannot be said here cannot be run (docs/reference/query-language.md).

`reading` makes these values out of a parsed text, asking the terms for every column; `render` writes them as SQL. There
is no place in them for a function, a subquery, a cast or a name that the terms do not know.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Literal

from tobari.rules.query import terms

Value = bool | int | float | str | datetime.date
"""A literal, already of the type that it is compared with."""
Operator = Literal["=", "<>", "<", "<=", ">", ">="]


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of the room, spelled as the terms spell it."""

    name: str
    type: terms.ColumnType


@dataclasses.dataclass(frozen=True)
class Aggregate:
    """COUNT(*), COUNT(DISTINCT entity), or COUNT, SUM or AVG of a column."""

    function: Literal["COUNT(*)", "COUNT(DISTINCT)", "COUNT", "SUM", "AVG"]
    column: Column | None

    @property
    def type(self) -> terms.ColumnType:
        if self.function == "SUM" and self.column is not None:
            return self.column.type
        return "real" if self.function == "AVG" else "integer"

    @property
    def base(self) -> Column | None:
        """The column whose values it is made of; None if it counts the whole group."""
        return None if self.function in ("COUNT(*)", "COUNT(DISTINCT)") else self.column

    @property
    def sums(self) -> bool:
        """Whether it needs the sum of its column."""
        return self.function in ("SUM", "AVG")

    @property
    def source(self) -> str:
        """How a reader of the result names it."""
        if self.column is None:
            return "COUNT(*)"
        if self.function == "COUNT(DISTINCT)":
            return f"COUNT(DISTINCT {self.column.name})"
        return f"{self.function}({self.column.name})"


@dataclasses.dataclass(frozen=True)
class Output:
    """One released column."""

    name: str
    of: Column | Aggregate

    @property
    def source(self) -> str:
        return self.of.name if isinstance(self.of, Column) else self.of.source


@dataclasses.dataclass(frozen=True)
class OutputRef:
    """A released column by its position, from 0: what HAVING and ORDER BY speak of."""

    position: int
    type: terms.ColumnType


Operand = Column | OutputRef


@dataclasses.dataclass(frozen=True)
class Comparison:
    operand: Operand
    operator: Operator
    value: Value


@dataclasses.dataclass(frozen=True)
class Among:
    """operand IN (values); at least one value."""

    operand: Operand
    values: tuple[Value, ...]


@dataclasses.dataclass(frozen=True)
class Between:
    operand: Operand
    low: Value
    high: Value


@dataclasses.dataclass(frozen=True)
class Is:
    """operand IS NULL, IS TRUE or IS FALSE: never NULL itself."""

    operand: Operand
    what: Literal["NULL", "TRUE", "FALSE"]


@dataclasses.dataclass(frozen=True)
class Not:
    condition: Condition


@dataclasses.dataclass(frozen=True)
class Junction:
    """Two or more conditions joined by AND, or by OR."""

    operator: Literal["AND", "OR"]
    conditions: tuple[Condition, ...]


Condition = Comparison | Among | Between | Is | Not | Junction


@dataclasses.dataclass(frozen=True)
class OrderKey:
    position: int
    descending: bool
    nulls_first: bool


@dataclasses.dataclass(frozen=True)
class Query:
    """SELECT outputs FROM room WHERE where GROUP BY groups HAVING having ORDER BY order LIMIT limit."""

    outputs: tuple[Output, ...]
    groups: tuple[Column, ...]
    where: Condition | None
    having: Condition | None
    order: tuple[OrderKey, ...]
    limit: int | None
    reads: tuple[Column, ...]
    """Every column read, the entity first, then by name."""
