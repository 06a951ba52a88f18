"""From a `Query` to the SQL that runs: five selects inside each other, each doing one thing.

1. `rows`: the columns read, each forced to its declared type. What does not fit is NULL, never an error; a real number
   that is not finite, or beyond ±1e12, is NULL too, so that it has a place in a fixed-point sum.
2. `entities`: WHERE; one line for each entity in each group. Rows without an entity are dropped.
3. `groups`: GROUP BY; the aggregates, and beside them how many entities stand behind each. A group of fewer than
   `min_group` entities ends here.
4. `cells`: an aggregate that `thresholds` withholds becomes NULL.
5. The answer: HAVING, ORDER BY and LIMIT, on released cells alone.

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
from tobari.rules.query.thresholds import Thresholds, column_name, quote

DATA = "data"
"""The table that the worker fills: every dataset of the room, one below the other."""
REAL_LIMIT = "1e12"
"""Largest magnitude of a real number: more than any number of rows that a worker reads fit the sum."""
FIXED_POINT = "DECIMAL(38, 12)"
"""Reals are summed in it, exactly and in any order. A sum of doubles swallows what is small beside what is large: an
owner that adds +1e90 and -1e90 would make the others' rows vanish, all but those that happen to come last."""

_SQL_TYPES = {"boolean": "BOOLEAN", "date": "DATE", "integer": "BIGINT", "real": "DOUBLE", "text": "VARCHAR"}


def render(query: Query, *, min_group: int) -> str:
    """SQL for DuckDB over the table `DATA`; equal queries give equal text."""
    selected = ", ".join(f"{_cell(number)} AS {quote(output.name)}" for number, output in enumerate(query.outputs, 1))
    parts = [f'SELECT {selected} FROM ({_cells(query, min_group)}) AS "cells"']  # noqa: S608  (made of our own types)
    if query.having is not None:
        parts.append(f"WHERE {_condition(query.having)}")
    parts.append(f"ORDER BY {', '.join(_order(query))}")
    if query.limit is not None:
        parts.append(f"LIMIT {query.limit}")
    return " ".join(parts)


def _cells(query: Query, min_group: int) -> str:
    thresholds = Thresholds(query, min_group=min_group)
    selected = []
    for number, output in enumerate(query.outputs, 1):
        value = f'"groups"."c{number}"'
        if isinstance(output.of, Aggregate) and (released := thresholds.released(output.of)):
            value = f"CASE WHEN {released} THEN {value} END"
        selected.append(f'{value} AS "c{number}"')
    groups = _groups(query, thresholds, min_group)
    return f'SELECT {", ".join(selected)} FROM ({groups}) AS "groups"'  # noqa: S608  (likewise)


def _groups(query: Query, thresholds: Thresholds, min_group: int) -> str:
    values = (
        f'{_value(output.of, query, thresholds)} AS "c{number}"' for number, output in enumerate(query.outputs, 1)
    )
    selected = ", ".join([*values, *thresholds.per_group()])
    parts = [f'SELECT {selected} FROM ({_entities(query, thresholds)}) AS "entities"']  # noqa: S608  (likewise)
    if query.groups:
        parts.append(f"GROUP BY {', '.join(_key(column, query) for column in query.groups)}")
    parts.append(f"HAVING COUNT(*) >= {min_group}")
    return " ".join(parts)


def _entities(query: Query, thresholds: Thresholds) -> str:
    entity = column_name(query.reads[0])
    keys = (f'{column_name(column)} AS "g{number}"' for number, column in enumerate(query.groups, 1))
    sums = (
        f'SUM({_summand(column)}) AS "s{thresholds.number(column)}"'
        for column in dict.fromkeys(
            output.of.base for output in query.outputs if isinstance(output.of, Aggregate) and output.of.sums
        )
        if column is not None
    )
    selected = ", ".join([*keys, *thresholds.per_entity(), *sums])
    where = f"{entity} IS NOT NULL"
    if query.where is not None:
        where += f" AND {_condition(query.where)}"
    by = ", ".join([*map(column_name, query.groups), entity])
    return f'SELECT {selected} FROM ({_rows(query)}) AS "rows" WHERE {where} GROUP BY {by}'  # noqa: S608  (likewise)


def _rows(query: Query) -> str:
    return f'SELECT {", ".join(map(_typed, query.reads))} FROM "{DATA}"'  # noqa: S608  (likewise)


def _typed(column: Column) -> str:
    name = quote(column.name)
    value = f'TRY_CAST("{DATA}".{name} AS {_SQL_TYPES[column.type]})'
    if column.type == "real":
        # NaN counts as larger than every number, so BETWEEN excludes it.
        value = f"CASE WHEN {value} BETWEEN -{REAL_LIMIT} AND {REAL_LIMIT} THEN {value} END"
    return f"{value} AS {name}"


def _value(of: Column | Aggregate, query: Query, thresholds: Thresholds) -> str:
    """What stands in the column before anything is withheld."""
    if isinstance(of, Column):
        return _key(of, query)
    if of.function == "COUNT(DISTINCT)":
        return "COUNT(*)"
    number = thresholds.number(of.base)
    count, total = f'SUM("entities"."n{number}")', f'SUM("entities"."s{number}")'
    if of.function == "AVG":
        return f"CAST({total} AS DOUBLE) / {count}"
    value = total if of.function == "SUM" else count
    # Messages carry 64 bits; a sum beyond them is NULL rather than an error.
    return f"TRY_CAST({value} AS {'BIGINT' if of.type == 'integer' else 'DOUBLE'})"


def _summand(column: Column) -> str:
    name = column_name(column)
    return f"TRY_CAST({name} AS {FIXED_POINT})" if column.type == "real" else name


def _key(column: Column, query: Query) -> str:
    return f'"entities"."g{query.groups.index(column) + 1}"'


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


def _cell(number: int) -> str:
    return f'"cells"."c{number}"'


def _operand(operand: Operand) -> str:
    return column_name(operand) if isinstance(operand, Column) else _cell(operand.position + 1)


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
