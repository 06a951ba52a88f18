from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.rules.query.rooms import NOW, ROOM, RULES, ask, contributions, terms
from tobari.base import wire
from tobari.base.errors import Refused
from tobari.rules.query.policy import InputColumn, OutputColumn, Plan, UsedTerms, plan
from tobari.rules.query.table import Contribution
from tobari.rules.query.terms import ColumnRule

SQL = "SELECT ward AS station, COUNT(*), AVG(weight) AS mean FROM room WHERE age > 30 GROUP BY ward"


def refused(sql: str = SQL, **changes: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        ask(sql, **changes)
    return caught.value


def without(name: str) -> dict[str, ColumnRule]:
    return {other: rule for other, rule in RULES.items() if other != name}


def test_a_plan_says_what_is_read_and_what_is_released() -> None:
    made = ask(SQL)
    assert made.outputs == (
        OutputColumn(name="station", type="text", source="ward"),
        OutputColumn(name="count", type="integer", source="COUNT(*)"),
        OutputColumn(name="mean", type="real", source="AVG(weight)"),
    )
    assert made.reads == (
        InputColumn(name="patient", type="text"),
        InputColumn(name="age", type="integer"),
        InputColumn(name="ward", type="text"),
        InputColumn(name="weight", type="real"),
    )
    assert made.inputs == tuple(
        UsedTerms(dataset=one.terms.dataset, owner=one.owner, terms=one.terms.digest()) for one in contributions()
    )
    assert made.query == hashlib.sha256(made.sql.encode()).digest()
    assert wire.from_cbor(wire.to_cbor(made), Plan, max_bytes=1 << 16) == made


def test_a_plan_does_not_depend_on_the_order_of_the_datasets() -> None:
    assert ask(SQL, of=contributions()[::-1]) == ask(SQL)


@pytest.mark.parametrize(
    "spelling",
    [
        "select WARD as STATION, count( * ), avg(Weight) as Mean from ROOM where AGE>30 group by Ward",
        f"  {SQL}\n;  ",
        SQL.replace(" ", "\n\t"),
        SQL.replace("WHERE", "/* the elderly */ WHERE").replace("GROUP", "-- by ward\nGROUP"),
        SQL.replace("ward", '"ward"'),
        SQL.replace("ward", "room.ward"),
        SQL.replace("FROM room", "FROM room AS r").replace("GROUP BY ward", "GROUP BY r.ward"),
        SQL.replace("FROM room", f'FROM "{ROOM}"'),
        SQL.replace("GROUP BY ward", "GROUP BY 1"),
        SQL.replace("GROUP BY ward", "GROUP BY station"),
        SQL.replace("age > 30", "(30 < age)"),
        SQL.replace("age > 30", "age > 030"),
    ],
)
def test_another_spelling_is_the_same_query(spelling: str) -> None:
    assert ask(spelling).sql == ask(SQL).sql


@pytest.mark.parametrize(
    "other",
    [
        SQL.replace("30", "31"),
        SQL.replace(">", ">="),
        SQL.replace("AVG", "SUM"),
        SQL.replace("station", '"Station"'),
        f"{SQL} LIMIT 5",
        f"{SQL} ORDER BY mean",
        f"{SQL} HAVING mean > 3",
    ],
)
def test_another_question_is_another_query(other: str) -> None:
    assert ask(other).query != ask(SQL).query


def test_a_literal_keeps_its_case_and_its_comment_signs() -> None:
    assert "'EAST -- /* '" in ask("SELECT COUNT(*) FROM room WHERE ward = 'EAST -- /* '").sql


def test_a_literal_cannot_end_itself() -> None:
    made = ask("SELECT COUNT(*) FROM room WHERE ward = '''; DROP TABLE data --'")
    assert """= '''; DROP TABLE data --')""" in made.sql


def test_an_alias_cannot_end_itself() -> None:
    made = ask('SELECT COUNT(*) AS "n, (SELECT 1) AS m" FROM room')
    assert 'AS "n, (SELECT 1) AS m" FROM' in made.sql


def test_other_terms_make_another_query() -> None:
    assert ask(SQL, of=contributions(min_group=50)).query != ask(SQL).query


# --- whose terms ---


@pytest.mark.parametrize(
    ("second", "code", "says"),
    [
        ({"expires": NOW}, "terms.expired", ["hospital-b"]),
        ({"recipients": ("insurer",)}, "terms.recipient", ["hospital-b", "university"]),
        ({"room": "other"}, "terms.room", ["hospital-b"]),
        ({"columns": without("weight")}, "query.column_not_allowed", ["hospital-b", '"weight"']),
        (
            {"columns": RULES | {"ward": ColumnRule(type="text", role="sensitive", uses=("filter",))}},
            "query.group_use",
            ["hospital-b", '"ward"', '"group"'],
        ),
        (
            {"columns": RULES | {"age": ColumnRule(type="integer", role="sensitive", uses=("group",))}},
            "query.filter_use",
            ["hospital-b", '"age"', '"filter"'],
        ),
        (
            {
                "columns": RULES
                | {"weight": ColumnRule(type="real", role="measure", uses=("aggregate",), aggregates=("SUM",))}
            },
            "query.aggregate",
            ["hospital-b", '"weight"', "AVG"],
        ),
        (
            {"columns": RULES | {"age": ColumnRule(type="real", role="measure", uses=("filter",))}},
            "query.schema",
            ["hospital-a", "hospital-b", '"age"'],
        ),
        (
            {"entity": "name", "columns": RULES | {"name": RULES["patient"]}},
            "query.schema",
            ["hospital-a", "hospital-b", '"patient"'],
        ),
        (
            {"columns": RULES | {"patient": ColumnRule(type="integer", role="identifier")}},
            "query.schema",
            ["hospital-b", '"patient"'],
        ),
    ],
)
def test_the_owner_whose_terms_forbid_it_is_named(second: dict[str, Any], code: str, says: list[str]) -> None:
    error = refused(of=contributions(**second))
    assert error.code == code
    assert [word for word in says if word not in error.message] == []
    assert "hospital-a and hospital-b" not in error.message


def test_terms_hold_until_they_expire() -> None:
    assert ask(SQL, of=contributions(expires=NOW + 1))


def test_a_rule_that_no_owner_has_names_them_all() -> None:
    assert "hospital-a and hospital-b" in refused("SELECT COUNT(*) FROM room WHERE salary > 3").message


def test_many_owners_are_named_in_part() -> None:
    many = [Contribution(owner=f"owner-{number}", terms=terms(dataset=number)) for number in range(9)]
    assert "owner-4 and 4 more" in refused("SELECT COUNT(*) FROM room WHERE cost > 3", of=many).message


def test_a_column_that_only_some_have_is_refused_even_if_unused_elsewhere() -> None:
    assert refused("SELECT COUNT(cost) FROM room", of=contributions(columns=without("cost"))).code == (
        "query.column_not_allowed"
    )
    assert ask("SELECT COUNT(*) FROM room", of=contributions(columns=without("cost")))


def test_a_room_without_data_answers_nothing() -> None:
    assert refused(of=[]).code == "query.no_data"


def test_a_stranger_learns_of_no_column() -> None:
    assert refused("SELECT COUNT(*) FROM room WHERE salary > 3", recipient="insurer").code == "terms.recipient"


def test_the_owner_itself_asks_under_the_same_terms() -> None:
    with pytest.raises(Refused) as caught:
        plan(SQL, room=ROOM, contributions=contributions(), recipient="hospital-a", at=NOW)
    assert caught.value.code == "terms.recipient"
