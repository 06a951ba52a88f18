"""Queries that analysts write: what DuckDB answers to the plan is what Python computes from the same rows."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from tests.rules.query.rooms import K, Row, ask, records, run

Cell = Callable[[list[Row]], Any]
Keep = Callable[[Row], bool]
DATE = datetime.date


def entities(rows: Iterable[Row]) -> int:
    return len({row["patient"] for row in rows})


def count(rows: list[Row]) -> int:
    return len(rows)


def of(column: str, aggregate: Callable[[list[Any]], Any], *, beside: Sequence[str | None] = ()) -> Cell:
    """An aggregate with the thresholds of docs/reference/query-language.md.

    `beside` are the columns aggregated before it in the same line, None for COUNT(*).
    """

    def bases(rows: list[Row], name: str | None) -> list[Row]:
        return [row for row in rows if name is None or row[name] is not None]

    def alone(rows: list[Row], name: str | None) -> bool:
        mine = bases(rows, name)
        return entities(mine) >= K and (None not in beside or name is None or apart(rows, name, None))

    def apart(rows: list[Row], one: str | None, two: str | None) -> bool:
        first, second = bases(rows, one), bases(rows, two)
        differences = (without(first, second), without(second, first))
        return all(not 0 < entities(rows) < K for rows in differences)

    def cell(rows: list[Row]) -> Any:
        good = alone(rows, column)
        for other in beside:
            good = good and (apart(rows, column, other) or not alone(rows, other))
        return aggregate([row[column] for row in bases(rows, column)]) if good else None

    return cell


def without(rows: list[Row], others: list[Row]) -> list[Row]:
    known = {id(row) for row in others}
    return [row for row in rows if id(row) not in known]


def avg(values: list[Any]) -> float:
    return sum(values) / len(values)


def truth(*, where: Keep = lambda _: True, by: Sequence[str] = (), cells: Sequence[Cell] = ()) -> list[tuple[Any, ...]]:
    """The groups in the order of their keys, NULL last."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in records():
        if row["patient"] is not None and where(row):
            groups.setdefault(tuple(row[name] for name in by), []).append(row)
    kept = {key: rows for key, rows in groups.items() if entities(rows) >= K}
    lines = [(*key, *(cell(rows) for cell in cells)) for key, rows in kept.items()]
    return sorted(lines, key=lambda line: [(cell is None, cell if cell is not None else 0) for cell in line])


def by_count_down(lines: list[tuple[Any, ...]], position: int = -1) -> list[tuple[Any, ...]]:
    return sorted(lines, key=lambda line: -line[position])


HONEST: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "how many": ("SELECT COUNT(*) FROM room", truth(cells=[count])),
    "how many patients": ("SELECT COUNT(DISTINCT patient) FROM room", truth(cells=[entities])),
    "by the room's own name": ('SELECT COUNT(*) FROM "lung-trial"', truth(cells=[count])),
    "with an alias": (
        "SELECT COUNT(*) FROM room AS r WHERE r.sex = 'f'",
        truth(where=lambda r: r["sex"] == "f", cells=[count]),
    ),
    "closed by a semicolon": ("SELECT COUNT(*) FROM room;", truth(cells=[count])),
    "average": ("SELECT AVG(age) FROM room", truth(cells=[of("age", avg)])),
    "sum": ("SELECT SUM(cost) FROM room", truth(cells=[of("cost", sum)])),
    "sum of reals": ("SELECT SUM(weight) FROM room", truth(cells=[of("weight", sum)])),
    "count of what is there": ("SELECT COUNT(weight) FROM room", truth(cells=[of("weight", len)])),
    "count of a sensitive column": ("SELECT COUNT(diagnosis) FROM room", truth(cells=[of("diagnosis", len)])),
    "count of the entity": ("SELECT COUNT(patient) FROM room", truth(cells=[count])),
    "count beside the group": (
        "SELECT COUNT(*), COUNT(age), AVG(cost) FROM room",
        truth(cells=[count, of("age", len, beside=[None]), of("cost", avg, beside=[None, "age"])]),
    ),
    "one withheld cell leaves the next alone": (
        "SELECT COUNT(*), AVG(age), SUM(cost) FROM room",
        [(48, None, sum(row["cost"] for row in records()[:48]))],
    ),
    "of two that collide the later is withheld": ("SELECT COUNT(age), COUNT(cost) FROM room", [(46, None)]),
    "by group": ("SELECT sex, COUNT(*) FROM room GROUP BY sex", truth(by=["sex"], cells=[count])),
    "by group with NULL": ("SELECT ward, COUNT(*) AS n FROM room GROUP BY ward", truth(by=["ward"], cells=[count])),
    "by ordinal": ("SELECT ward, COUNT(*) FROM room GROUP BY 1", truth(by=["ward"], cells=[count])),
    "by alias": ("SELECT ward AS station, COUNT(*) FROM room GROUP BY station", truth(by=["ward"], cells=[count])),
    "by two": (
        "SELECT ward, sex, COUNT(*), AVG(cost) FROM room GROUP BY ward, sex",
        truth(by=["ward", "sex"], cells=[count, of("cost", avg, beside=[None])]),
    ),
    "by a group that is not shown": (
        "SELECT COUNT(*) FROM room GROUP BY sex",
        sorted(line[1:] for line in truth(by=["sex"], cells=[count])),
    ),
    "groups alone": ("SELECT ward FROM room GROUP BY ward", truth(by=["ward"])),
    "by a date": ("SELECT admitted, COUNT(*) FROM room GROUP BY admitted", truth(by=["admitted"], cells=[count])),
    "by a boolean": (
        "SELECT smoker, AVG(cost) FROM room GROUP BY smoker",
        truth(by=["smoker"], cells=[of("cost", avg)]),
    ),
    "by a Japanese name": (
        "SELECT 体重区分, COUNT(*) AS 人数 FROM room WHERE 体重区分 = '重い' GROUP BY 体重区分",
        truth(where=lambda r: r["体重区分"] == "重い", by=["体重区分"], cells=[count]),
    ),
    "small groups are dropped": ("SELECT age, COUNT(*) FROM room GROUP BY age", truth(by=["age"], cells=[count])),
    "nobody": ("SELECT COUNT(*) FROM room WHERE ward = 'south'", []),
    "too few": ("SELECT COUNT(*) FROM room WHERE age < 22", []),
    "comparisons": (
        "SELECT COUNT(*) FROM room WHERE age >= 30 AND age <> 35 AND age != 36 AND 50 > age",
        truth(where=lambda r: r["age"] is not None and 30 <= r["age"] < 50 and r["age"] not in (35, 36), cells=[count]),
    ),
    "or and brackets": (
        "SELECT COUNT(*) FROM room WHERE (ward = 'east' OR ward = 'west') AND (sex = 'm' OR (age > 40))",
        truth(
            where=lambda r: r["ward"] in ("east", "west") and (r["sex"] == "m" or (r["age"] or 0) > 40), cells=[count]
        ),
    ),
    "and binds before or": (
        "SELECT COUNT(*) FROM room WHERE ward = 'east' OR ward = 'west' AND sex = 'm'",
        truth(where=lambda r: r["ward"] == "east" or (r["ward"] == "west" and r["sex"] == "m"), cells=[count]),
    ),
    "in a list": (
        "SELECT COUNT(*) FROM room WHERE ward IN ('east', 'north')",
        truth(where=lambda r: r["ward"] in ("east", "north"), cells=[count]),
    ),
    "not in a list skips NULL": (
        "SELECT COUNT(*) FROM room WHERE ward NOT IN ('east')",
        truth(where=lambda r: r["ward"] not in (None, "east"), cells=[count]),
    ),
    "not": (
        "SELECT COUNT(*) FROM room WHERE NOT (sex = 'm')",
        truth(where=lambda r: r["sex"] != "m", cells=[count]),
    ),
    "between": (
        "SELECT AVG(cost) FROM room WHERE age BETWEEN 30 AND 40",
        truth(where=lambda r: 30 <= (r["age"] or 0) <= 40, cells=[of("cost", avg)]),
    ),
    "not between": (
        "SELECT COUNT(*) FROM room WHERE age NOT BETWEEN 30 AND 40",
        truth(where=lambda r: r["age"] is not None and not 30 <= r["age"] <= 40, cells=[count]),
    ),
    "real against a whole number": (
        "SELECT COUNT(*) FROM room WHERE weight > 60",
        truth(where=lambda r: (r["weight"] or 0) > 60, cells=[count]),
    ),
    "real between": (
        "SELECT COUNT(*) FROM room WHERE weight BETWEEN 5.5e1 AND 70.25",
        truth(where=lambda r: 55 <= (r["weight"] or 0) <= 70.25, cells=[count]),
    ),
    "negative number": (
        "SELECT COUNT(*) FROM room WHERE age > -5",
        truth(where=lambda r: r["age"] is not None, cells=[count]),
    ),
    "is null": (
        "SELECT COUNT(*) FROM room WHERE ward IS NULL",
        truth(where=lambda r: r["ward"] is None, cells=[count]),
    ),
    "is not null": (
        "SELECT COUNT(*), AVG(weight) FROM room WHERE weight IS NOT NULL",
        truth(where=lambda r: r["weight"] is not None, cells=[count, of("weight", avg, beside=[None])]),
    ),
    "boolean": ("SELECT COUNT(*) FROM room WHERE smoker", truth(where=lambda r: r["smoker"] is True, cells=[count])),
    "not boolean": (
        "SELECT COUNT(*) FROM room WHERE NOT smoker",
        truth(where=lambda r: r["smoker"] is False, cells=[count]),
    ),
    "boolean equal": (
        "SELECT COUNT(*) FROM room WHERE smoker = FALSE",
        truth(where=lambda r: r["smoker"] is False, cells=[count]),
    ),
    "is not true takes NULL too": (
        "SELECT COUNT(*) FROM room WHERE smoker IS NOT TRUE",
        truth(where=lambda r: r["smoker"] is not True, cells=[count]),
    ),
    "date": (
        "SELECT COUNT(*) FROM room WHERE admitted >= DATE '2026-03-01'",
        truth(where=lambda r: r["admitted"] >= DATE(2026, 3, 1), cells=[count]),
    ),
    "date as text": (
        "SELECT COUNT(*) FROM room WHERE admitted BETWEEN '2026-02-01' AND '2026-02-28'",
        truth(where=lambda r: r["admitted"].month == 2, cells=[count]),
    ),
    "text with a quote": (
        "SELECT COUNT(*) FROM room WHERE ward <> 'l''hôpital'",
        truth(where=lambda r: r["ward"], cells=[count]),
    ),
    "text order": (
        "SELECT COUNT(*) FROM room WHERE ward < 'f'",
        truth(where=lambda r: (r["ward"] or "z") < "f", cells=[count]),
    ),
    "having": (
        "SELECT ward, COUNT(*) AS n FROM room GROUP BY ward HAVING n > 11",
        [line for line in truth(by=["ward"], cells=[count]) if line[-1] > 11],
    ),
    "having an expression": (
        "SELECT ward, COUNT(*) AS n FROM room GROUP BY ward HAVING COUNT(*) BETWEEN 1 AND 11 AND NOT COUNT(*) IN (10)",
        [line for line in truth(by=["ward"], cells=[count]) if line[-1] == 11],
    ),
    "having a real": (
        "SELECT sex, AVG(cost) FROM room GROUP BY sex HAVING AVG(cost) > 1000.5",
        [line for line in truth(by=["sex"], cells=[of("cost", avg)]) if line[-1] > 1000.5],
    ),
    "having what is not withheld": (
        "SELECT ward, AVG(age) AS mean FROM room GROUP BY ward HAVING mean IS NOT NULL",
        [line for line in truth(by=["ward"], cells=[of("age", avg)]) if line[-1] is not None],
    ),
    "order by": (
        "SELECT sex, COUNT(*) AS n FROM room GROUP BY sex ORDER BY n DESC",
        by_count_down(truth(by=["sex"], cells=[count])),
    ),
    "order by an expression": (
        "SELECT sex, COUNT(*) FROM room GROUP BY sex ORDER BY COUNT(*) DESC",
        by_count_down(truth(by=["sex"], cells=[count])),
    ),
    "order by ordinal": (
        "SELECT sex, COUNT(*) FROM room GROUP BY sex ORDER BY 2 DESC, 1",
        by_count_down(truth(by=["sex"], cells=[count])),
    ),
    "order by with NULL first": (
        "SELECT ward, COUNT(*) FROM room GROUP BY ward ORDER BY ward NULLS FIRST",
        sorted(truth(by=["ward"], cells=[count]), key=lambda line: line[0] or ""),
    ),
    "order by the column behind an alias": (
        "SELECT ward AS station, COUNT(*) FROM room GROUP BY ward ORDER BY ward DESC LIMIT 1",
        [line for line in truth(by=["ward"], cells=[count]) if line[0] == "west"],
    ),
    "limit": ("SELECT ward, COUNT(*) FROM room GROUP BY ward LIMIT 2", truth(by=["ward"], cells=[count])[:2]),
    "limit 0": ("SELECT ward FROM room GROUP BY ward LIMIT 0", []),
    "alias like its own column": (
        "SELECT AVG(cost) AS cost FROM room WHERE sex = 'f' ORDER BY cost",
        truth(where=lambda r: r["sex"] == "f", cells=[of("cost", avg)]),
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_query_equals_the_truth(name: str) -> None:
    sql, expected = HONEST[name]
    answer = run(ask(sql), records())
    assert len(answer) == len(expected)
    for line, wanted in zip(answer, expected, strict=True):
        assert [is_close(*pair) for pair in zip(line, wanted, strict=True)] == [True] * len(wanted), (line, wanted)


def is_close(cell: Any, wanted: Any) -> bool:
    if isinstance(cell, float) and wanted is not None:
        return math.isclose(cell, wanted, rel_tol=1e-12)
    return bool(cell == wanted)


def test_the_longest_query_that_is_planned_also_runs() -> None:
    chain = " OR ".join(f"age={number}" for number in range(508))
    assert run(ask(f"SELECT COUNT(*) FROM room WHERE {chain}"), records()) == [(46,)]
    nested = "(" * 16 + "age = 30" + ")" * 16
    assert run(ask(f"SELECT COUNT(*) FROM room WHERE {'NOT ' * 16} {nested} OR sex = 'f'"), records())
    listed = ", ".join(str(number) for number in range(1000))
    assert run(ask(f"SELECT COUNT(*) FROM room WHERE age IN ({listed})"), records()) == [(46,)]
