"""What leaves a small room: never less than the thresholds promise, whatever is asked."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.query.rooms import K, Row, ask, contributions, run
from tobari.rules.query.policy import Plan
from tobari.rules.query.thresholds import quote


def stays(*patients: str | None, **columns: Sequence[Any]) -> list[Row]:
    """One row per patient; every other column is NULL."""
    return [
        {
            "patient": patient,
            **dict.fromkeys(("ward", "sex", "age", "weight", "cost", "diagnosis", "smoker", "admitted")),
            **{name: values[number] for name, values in columns.items()},
        }
        for number, patient in enumerate(patients)
    ]


def test_groups_are_counted_in_entities_and_not_in_rows() -> None:
    assert run(ask("SELECT COUNT(*) FROM room"), stays("a", "a", "a", "b", "b")) == []
    assert run(ask("SELECT COUNT(*) FROM room"), stays("a", "a", "b", "c")) == [(4,)]


def test_rows_without_an_entity_are_nobodys_and_are_not_read() -> None:
    rows = stays("a", "b", "c", None, None, cost=[1, 2, 3, 1000, 1000])
    assert run(ask("SELECT COUNT(*), SUM(cost) FROM room"), rows) == [(3, 6)]


def test_one_value_among_many_rows_is_withheld() -> None:
    rows = stays(*"abcdefghij", age=[44, *[None] * 9])
    assert run(ask("SELECT AVG(age), SUM(age), COUNT(age) FROM room"), rows) == [(None, None, None)]


def test_one_missing_value_does_not_show_beside_the_count() -> None:
    rows = stays(*"abcdefghij", age=[None, *[30] * 9])
    assert run(ask("SELECT COUNT(*), COUNT(age) FROM room"), rows) == [(10, None)]
    assert run(ask("SELECT COUNT(age), COUNT(*) FROM room"), rows) == [(None, 10)]
    assert run(ask("SELECT COUNT(DISTINCT patient), AVG(age) FROM room"), rows) == [(10, None)]


def test_enough_missing_values_may_show() -> None:
    rows = stays(*"abcdefghij", age=[*[None] * 3, *[30] * 7])
    assert run(ask("SELECT COUNT(*), COUNT(age) FROM room"), rows) == [(10, 7)]


def test_missing_values_are_counted_in_entities_too() -> None:
    rows = stays(*"abc", *"abc", *"aaa", age=[30] * 6 + [None] * 3)
    assert run(ask("SELECT COUNT(*), COUNT(age) FROM room"), rows) == [(9, None)]


def test_an_outsider_in_one_of_two_sums_is_withheld() -> None:
    rows = stays(*"abcdef", age=[1, 2, 3, 4, 5, None], cost=[1, 2, 3, 4, 5, 6])
    assert run(ask("SELECT SUM(age), SUM(cost) FROM room"), rows) == [(15, None)]
    assert run(ask("SELECT SUM(cost), SUM(age) FROM room"), rows) == [(21, None)]


def test_who_stands_behind_neither_of_two_sums_disturbs_none() -> None:
    rows = stays(*"abcdef", age=[1, 2, 3, 4, 5, None], cost=[1, 2, 3, 4, 6, None])
    assert run(ask("SELECT SUM(age), SUM(cost) FROM room"), rows) == [(15, 16)]


def test_having_sees_what_is_withheld_as_null() -> None:
    rows = stays(*"abcdef", ward=[*["e"] * 3, *["w"] * 3], age=[1, 2, 3, 90, None, None])
    assert run(ask("SELECT ward, SUM(age) AS s FROM room GROUP BY ward HAVING s > 0"), rows) == [("e", 6)]
    assert run(ask("SELECT ward, SUM(age) AS s FROM room GROUP BY ward HAVING s IS NULL"), rows) == [("w", None)]


def test_order_and_limit_come_after_the_thresholds() -> None:
    rows = stays(*"abcdefg", ward=["x", *["e"] * 3, *["w"] * 3], age=[99, 1, 2, 3, 50, None, None])
    made = ask("SELECT ward, SUM(age) AS s FROM room GROUP BY ward ORDER BY s DESC NULLS LAST LIMIT 1")
    assert run(made, rows) == [("e", 6)]


def test_the_order_of_the_data_does_not_show() -> None:
    rows = stays(*"abcdef", ward=["x", "y"] * 3)
    made = ask("SELECT ward, COUNT(*) FROM room GROUP BY ward")
    assert {tuple(run(made, list(order))) for order in itertools.islice(itertools.permutations(rows), 0, 720, 97)} == {
        (("x", 3), ("y", 3))
    }


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf, 1e101, -1.7e308])
def test_a_strange_real_counts_as_no_value(strange: float) -> None:
    rows = stays(*"abcdef", weight=[strange, strange, strange, 1.0, 2.0, 3.0])
    assert run(ask("SELECT SUM(weight), AVG(weight), COUNT(weight) FROM room"), rows) == [(6.0, 2.0, 3)]
    assert run(ask("SELECT COUNT(*) FROM room WHERE weight IS NULL"), rows) == [(3,)]
    assert run(ask("SELECT COUNT(*) FROM room WHERE weight > -5"), rows) == [(3,)]


def test_a_strange_real_of_one_person_changes_nothing_but_that_cell() -> None:
    rows = stays(*"abcdef", weight=[math.nan, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert run(ask("SELECT COUNT(*), SUM(weight) FROM room"), rows) == [(6, None)]
    assert run(ask("SELECT SUM(weight) FROM room"), rows) == [(15.0,)]


def test_a_sum_beyond_64_bits_is_null_and_no_error() -> None:
    rows = stays(*"abc", cost=[(1 << 63) - 1] * 3)
    ((total, mean),) = run(ask("SELECT SUM(cost), AVG(cost) FROM room"), rows)
    assert total is None
    assert mean == pytest.approx(2.0**63)


def test_reals_at_their_limit_have_a_finite_sum() -> None:
    ((total,),) = run(ask("SELECT SUM(weight) FROM room"), stays(*"abc", weight=[1e12] * 3))
    assert total == pytest.approx(3e12)


def test_the_strictest_of_all_owners_decides() -> None:
    made = ask("SELECT COUNT(*) FROM room", of=contributions(min_group=5))
    assert made.min_group == 5
    assert run(made, stays(*"abcd")) == []
    assert run(made, stays(*"abcde")) == [(5,)]


def test_a_quoted_name_cannot_end_itself() -> None:
    assert quote('a" FROM x --') == '"a"" FROM x --"'


# --- any room, any question ---

_ROW = st.fixed_dictionaries(
    {
        "patient": st.sampled_from([None, *"abcdefg"]),
        "ward": st.sampled_from([None, "e", "w"]),
        "sex": st.sampled_from(["f", "m"]),
        "age": st.sampled_from([None, 1, 2, 3]),
        "weight": st.sampled_from([None, 1.5, 2.5, math.nan, math.inf]),
        "cost": st.sampled_from([None, 10, -20, (1 << 63) - 1, -(1 << 63)]),
        "diagnosis": st.sampled_from([None, "x"]),
        "smoker": st.sampled_from([None, True, False]),
    }
)
_CONDITIONS = {
    "TRUE": lambda row: True,
    "smoker": lambda row: row["smoker"] is True,
    "smoker IS NOT TRUE": lambda row: row["smoker"] is not True,
    "age > 1": lambda row: (row["age"] or 0) > 1,
    "NOT (age = 2 OR ward = 'e')": lambda row: _neither(row),
    "weight >= 0": lambda row: _has(row, "weight"),
    "ward IS NULL": lambda row: row["ward"] is None,
}
_VALUES = ("age", "weight", "cost", "diagnosis", "smoker")


def _neither(row: Row) -> bool:
    return row["age"] not in (None, 2) and row["ward"] not in (None, "e")


def _has(row: Row, column: str | None) -> bool:
    value = 0 if column is None else row[column]
    return value is not None and (not isinstance(value, float) or math.isfinite(value))


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(_ROW, max_size=24),
    by=st.sampled_from([(), ("ward",), ("sex",), ("ward", "sex")]),
    where=st.sampled_from(sorted(_CONDITIONS)),
    columns=st.lists(st.sampled_from(["*", *_VALUES]), min_size=1, max_size=4, unique=True),
)
def test_every_released_cell_stands_on_enough_entities_and_apart(
    rows: list[Row], by: tuple[str, ...], where: str, columns: list[str]
) -> None:
    condition = "" if where == "TRUE" else f" WHERE {where}"
    cells = [f"COUNT({column}) AS n{number}" for number, column in enumerate(columns)]
    grouping = f" GROUP BY {', '.join(by)}" if by else ""
    made = ask(f"SELECT {', '.join([*by, *cells])} FROM room{condition}{grouping}")
    for line in run(made, rows):
        group = [
            row
            for row in rows
            if row["patient"] is not None
            and _CONDITIONS[where](row)
            and all(row[name] == key for name, key in zip(by, line, strict=False))
        ]
        check_line(made, group, dict(zip(columns, line[len(by) :], strict=True)))


def check_line(made: Plan, group: list[Row], cells: dict[str, int | None]) -> None:
    """The promises of `thresholds`, checked on the rows themselves."""

    def entities(numbers: Iterable[int]) -> int:
        return len({group[number]["patient"] for number in numbers})

    assert entities(range(len(group))) >= made.min_group == K
    bases = {
        column: [number for number, row in enumerate(group) if _has(row, None if column == "*" else column)]
        for column, cell in cells.items()
        if cell is not None
    }
    for column, base in bases.items():
        assert cells[column] == len(base)
        assert entities(base) >= K
    for one, two in itertools.permutations(bases.values(), 2):
        assert not 0 < entities(set(one) - set(two)) < K


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(_ROW, max_size=16), by=st.sampled_from(["ward", "sex", "smoker", "age"]))
def test_no_row_makes_a_query_fail(rows: list[Row], by: str) -> None:
    sql = (
        f"SELECT {by}, SUM(cost), AVG(cost), SUM(weight), AVG(weight), SUM(age) FROM room "
        "WHERE age > -9223372036854775808 OR weight < 1e308 OR ward >= '' OR admitted > '0001-01-01' "
        f"GROUP BY {by} HAVING SUM(cost) < 9223372036854775807"
    )
    for line in run(ask(sql), [{**row, "admitted": None} for row in rows]):
        assert all(not isinstance(cell, float) or math.isfinite(cell) for cell in line)


def test_large_numbers_of_one_owner_do_not_swallow_the_rest() -> None:
    """Sums of doubles would: +1e90 and -1e90 before the others' rows leave what comes after them."""
    swallowing = [1e90, -1e90, 1e12, -1e12]
    rows = [*stays(*"xyzu", weight=swallowing), *stays(*"abcdef", weight=[1.5, 2.5, 3.5, 4.5, 5.5, 6.5])]
    for order in (rows, rows[::-1]):
        ((total, count),) = run(ask("SELECT SUM(weight), COUNT(weight) FROM room WHERE weight < 1e11"), order)
        assert (total, count) == (pytest.approx(24.0 - 1e12), 7)
        ((total,),) = run(ask("SELECT SUM(weight) FROM room"), order)
        assert total == 24.0
