"""A room of two hospitals to ask: terms, records, and a plain in-memory DuckDB that runs a plan over them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import duckdb

from tobari.rules.query.policy import Plan, plan
from tobari.rules.query.table import Contribution
from tobari.rules.query.terms import ColumnRule, ColumnType, DataTerms

ROOM = "lung-trial"
NOW = 1_800_000_000_000
K = 3
Row = dict[str, Any]

RULES: dict[str, ColumnRule] = {
    "patient": ColumnRule(type="text", role="identifier", uses=("aggregate",), aggregates=("COUNT",)),
    "name": ColumnRule(type="text", role="identifier"),
    "ward": ColumnRule(type="text", role="quasi-identifier", uses=("filter", "group")),
    "sex": ColumnRule(type="text", role="quasi-identifier", uses=("filter", "group")),
    "age": ColumnRule(
        type="integer",
        role="quasi-identifier",
        uses=("aggregate", "filter", "group"),
        aggregates=("AVG", "COUNT", "SUM"),
    ),
    "weight": ColumnRule(type="real", role="measure", uses=("aggregate", "filter"), aggregates=("AVG", "COUNT", "SUM")),
    "cost": ColumnRule(type="integer", role="measure", uses=("aggregate",), aggregates=("AVG", "COUNT", "SUM")),
    "diagnosis": ColumnRule(type="text", role="sensitive", uses=("aggregate",), aggregates=("COUNT",)),
    "smoker": ColumnRule(
        type="boolean", role="sensitive", uses=("aggregate", "filter", "group"), aggregates=("COUNT",)
    ),
    "admitted": ColumnRule(type="date", role="quasi-identifier", uses=("filter", "group")),
    "体重区分": ColumnRule(type="text", role="quasi-identifier", uses=("filter", "group")),
}


def terms(*, dataset: int = 0, **changes: Any) -> DataTerms:
    """The terms of one of the hospitals; `changes` replaces fields."""
    fields: dict[str, Any] = {
        "dataset": bytes([dataset]) * 16,
        "room": ROOM,
        "purpose": "How long patients live with which treatment",
        "entity": "patient",
        "min_group": K,
        "recipients": ("university",),
        "columns": RULES,
    }
    return DataTerms(**fields | changes)


def contributions(**second: Any) -> list[Contribution]:
    """Both hospitals; `second` changes the terms of the second one."""
    return [
        Contribution(owner="hospital-a", terms=terms(dataset=1)),
        Contribution(owner="hospital-b", terms=terms(dataset=2, **second)),
    ]


def ask(sql: str, *, of: Sequence[Contribution] | None = None, recipient: str = "university", at: int = NOW) -> Plan:
    """The plan for a query of the university."""
    return plan(sql, room=ROOM, contributions=contributions() if of is None else of, recipient=recipient, at=at)


def records() -> list[Row]:
    """48 stays of 40 patients; every column but the entity has gaps somewhere, and two rows have no entity."""
    rows = [
        {
            "patient": f"p{number % 40:02}",
            "name": f"Name {number % 40}",
            "ward": ("east", "west", None, "north")[number % 4 if number < 44 else 3],
            "sex": "f" if number % 3 else "m",
            "age": None if number % 40 == 7 else 20 + number % 40,
            "weight": None if number % 3 == 0 else 50.25 + number,
            "cost": number * 1000 - 9000,
            "diagnosis": f"D{number % 5}",
            "smoker": (True, False, None)[number % 3],
            "admitted": datetime.date(2026, 1 + number % 4, 1 + number % 28),
            "体重区分": "重い" if number % 2 else "軽い",
        }
        for number in range(48)
    ]
    return [*rows, {**rows[0], "patient": None}, {**rows[5], "patient": None}]


_SQL_TYPES: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "real": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
}


_CONNECTION = duckdb.connect(":memory:")


def run(made: Plan, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """What DuckDB answers over these rows."""
    columns = ", ".join(f'"{column.name}" {_SQL_TYPES[column.type]}' for column in made.reads)
    _CONNECTION.execute(f'CREATE OR REPLACE TABLE "data" ({columns})')
    if rows:
        line = f"({', '.join('?' for _ in made.reads)})"
        values = [row[column.name] for row in rows for column in made.reads]
        _CONNECTION.execute(f'INSERT INTO "data" VALUES {", ".join([line] * len(rows))}', values)
    return _CONNECTION.execute(made.sql).fetchall()
