"""From a `Query` to the SQL that runs: three selects inside each other, each doing one thing.

1. `rows`: the columns read, each forced to its declared type. What does not fit is NULL, never an error; a real number
   that is not finite, or beyond ±1e100, is NULL too, so that no sum overflows. Rows without an entity are dropped.
2. `cells`: WHERE, GROUP BY, and the thresholds. Nothing leaves here that fewer than `min_group` entities stand behind.
3. The answer: HAVING, ORDER BY and LIMIT, on released cells alone.

A *cell* is released if the rows it is made of belong to at least `min_group` entities, and if the rows by which it
differs from any other cell of its line belong to none or to at least `min_group`: otherwise COUNT(*) and COUNT(x) side
by side would say how few persons have no x. A withheld cell is NULL; of two that collide, the later column is withheld.
The whole line is dropped if its group is too small.

Every name is qualified and every output renamed on the way, so that no name an analyst chose can shadow another.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from tobari.rules.query.algebra import (
    Aggregate,
    Among,
    Between,
    Column,
    Comparison,
    Condition,
    Is,
    Junction,
    Not,
    Operand,
    Query,
    Value,
)

DATA = "data"
"""The table that the worker fills: every dataset of the room, one below the other."""
REAL_LIMIT = "1e100"
"""Largest magnitude of a real number: 2^63 of them still have a finite sum."""

_SQL_TYPES = {"boolean": "BOOLEAN", "date": "DATE", "integer": "BIGINT", "real": "DOUBLE", "text": "VARCHAR"}


def render(query: Query, *, min_group: int) -> str:
    """SQL for DuckDB over the table `DATA`; equal queries give equal text."""
    entity = query.reads[0]
    selected = ", ".join(
        f'"cells"."c{number}" AS {_quote(output.name)}' for number, output in enumerate(query.outputs, 1)
    )
    parts = [f'SELECT {selected} FROM ({_cells(query, entity, min_group)}) AS "cells"']  # noqa: S608  (made of our own types)
    if query.having is not None:
        parts.append(f"WHERE {_condition(query.having)}")
    parts.append(f"ORDER BY {', '.join(_order(query))}")
    if query.limit is not None:
        parts.append(f"LIMIT {query.limit}")
    return " ".join(parts)


def _cells(query: Query, entity: Column, min_group: int) -> str:
    thresholds = Thresholds(query, entity=entity, min_group=min_group)
    selected = ", ".join(
        f'{_name(output.of) if isinstance(output.of, Column) else thresholds.cell(output.of)} AS "c{number}"'
        for number, output in enumerate(query.outputs, 1)
    )
    where = f"{_name(entity)} IS NOT NULL"
    if query.where is not None:
        where += f" AND {_condition(query.where)}"
    parts = [f'SELECT {selected} FROM ({_rows(query)}) AS "rows" WHERE {where}']  # noqa: S608  (likewise)
    if query.groups:
        parts.append(f"GROUP BY {', '.join(map(_name, query.groups))}")
    parts.append(f"HAVING COUNT(DISTINCT {_name(entity)}) >= {min_group}")
    return " ".join(parts)


def _rows(query: Query) -> str:
    return f'SELECT {", ".join(map(_typed, query.reads))} FROM "{DATA}"'  # noqa: S608  (likewise)


def _typed(column: Column) -> str:
    name = _quote(column.name)
    value = f'TRY_CAST("{DATA}".{name} AS {_SQL_TYPES[column.type]})'
    if column.type == "real":
        # NaN counts as larger than every number, so BETWEEN excludes it.
        value = f"CASE WHEN {value} BETWEEN -{REAL_LIMIT} AND {REAL_LIMIT} THEN {value} END"
    return f"{value} AS {name}"


class Thresholds:
    """When the cells of one line may be released.

    A *base* is the set of rows that a cell is made of: all rows of the group (None), or those that have a value in a
    column.
    """

    def __init__(self, query: Query, *, entity: Column, min_group: int) -> None:
        self._entity = entity
        self._min_group = min_group
        bases = [_base(output.of) for output in query.outputs if isinstance(output.of, Aggregate)]
        # The group itself comes first wherever it stands: a count of rows is never withheld for a column's sake.
        self._bases = sorted(dict.fromkeys(bases), key=lambda base: base is not None)

    def cell(self, aggregate: Aggregate) -> str:
        """The aggregate, or NULL where it is withheld."""
        base = _base(aggregate)
        value = self._value(aggregate)
        if base is None:
            return value  # HAVING has counted the group already
        enough = f"{self._entities(f'{_name(base)} IS NOT NULL')} >= {self._min_group}"
        earlier = self._bases[: self._bases.index(base)]
        apart = [self._none_or_enough(rows) for other in earlier for rows in _differences(base, other)]
        return f"CASE WHEN {' AND '.join([enough, *apart])} THEN {value} END"

    def _value(self, aggregate: Aggregate) -> str:
        if aggregate.column is None:
            return "COUNT(*)"
        name = _name(aggregate.column)
        if aggregate.function == "COUNT(DISTINCT)":
            return f"COUNT(DISTINCT {name})"
        value = f"{aggregate.function}({name})"
        # Messages carry 64 bits; a sum beyond them is NULL rather than an error.
        return f"TRY_CAST({value} AS BIGINT)" if (aggregate.function, aggregate.type) == ("SUM", "integer") else value

    def _entities(self, rows: str) -> str:
        return f"COUNT(DISTINCT {_name(self._entity)}) FILTER (WHERE {rows})"

    def _none_or_enough(self, rows: str) -> str:
        return f"{self._entities(rows)} NOT BETWEEN 1 AND {self._min_group - 1}"


def _base(aggregate: Aggregate) -> Column | None:
    return None if aggregate.function in ("COUNT(*)", "COUNT(DISTINCT)") else aggregate.column


def _differences(base: Column, other: Column | None) -> Iterator[str]:
    """The rows that stand behind one of two cells and not behind the other, either way."""
    if other is None:
        yield f"{_name(base)} IS NULL"
    else:
        yield f"{_name(base)} IS NULL AND {_name(other)} IS NOT NULL"
        yield f"{_name(base)} IS NOT NULL AND {_name(other)} IS NULL"


def _order(query: Query) -> Iterator[str]:
    """The asked order, then every remaining column: the order of rows in the data must not show."""
    for key in query.order:
        yield f"{key.position + 1} {'DESC' if key.descending else 'ASC'} NULLS {'FIRST' if key.nulls_first else 'LAST'}"
    asked = {key.position for key in query.order}
    for position in range(len(query.outputs)):
        if position not in asked:
            yield f"{position + 1} ASC NULLS LAST"


def _condition(condition: Condition) -> str:
    """In brackets of its own, so that it means the same wherever it is put."""
    match condition:
        case Comparison(operand, operator, value):
            return f"({_operand(operand)} {operator} {_literal(value)})"
        case Among(operand, values):
            return f"({_operand(operand)} IN ({', '.join(map(_literal, values))}))"
        case Between(operand, low, high):
            return f"({_operand(operand)} BETWEEN {_literal(low)} AND {_literal(high)})"
        case Is(operand, what):
            return f"({_operand(operand)} IS {what})"
        case Not(inner):
            return f"(NOT {_condition(inner)})"
        case Junction(operator=junction, conditions=conditions):
            return f"({f' {junction} '.join(map(_condition, conditions))})"


def _operand(operand: Operand) -> str:
    return _name(operand) if isinstance(operand, Column) else f'"cells"."c{operand.position + 1}"'


def _name(column: Column) -> str:
    return f'"rows".{_quote(column.name)}'


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Value) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float():
            text = repr(value)
            return text if "e" in text else f"{text}e0"  # without an exponent DuckDB reads a decimal
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime.date():
            return f"DATE '{value.isoformat()}'"
