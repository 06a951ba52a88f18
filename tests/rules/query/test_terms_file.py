from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base.errors import Malformed, TobariError
from tobari.rules.query.terms_file import from_toml

ID = bytes(range(16))
FILE = """
room = "lung-trial"
purpose = "How long patients live with which treatment"
entity = "patient"
recipients = ["university", "hospital-b"]
expires = 2027-04-01T00:00:00+09:00

[columns.patient]
type = "text"
role = "identifier"

[columns.age]
type = "integer"
role = "quasi-identifier"
uses = ["group", "filter", "aggregate"]
aggregates = ["SUM", "AVG"]
"""


def test_a_file_becomes_terms_in_their_one_spelling() -> None:
    made = from_toml(FILE, dataset=ID)
    assert made.dataset == ID
    assert made.min_group == 10
    assert made.recipients == ("hospital-b", "university")
    assert made.expires == 1_806_505_200_000
    assert made.columns["age"].uses == ("aggregate", "filter", "group")
    assert made.columns["age"].aggregates == ("AVG", "SUM")
    assert made.columns["patient"].uses == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('room = "lung-trial"', "room = ", "not TOML"),
        ('room = "lung-trial"', "", "room"),
        ('room = "lung-trial"', "room = 3", "room"),
        ("expires = 2027-04-01T00:00:00+09:00", "expires = 2027-04-01", "zone"),
        ("expires = 2027-04-01T00:00:00+09:00", "expires = 2027-04-01T00:00:00", "zone"),
        ("expires = 2027-04-01T00:00:00+09:00", "min_group = 1", "min_group"),
        ("expires = 2027-04-01T00:00:00+09:00", "min-group = 5", '"min-group"'),
        ("expires = 2027-04-01T00:00:00+09:00", "version = 2", "version"),
        ('"university", "hospital-b"', "", "recipients"),
        ('["university", "hospital-b"]', '"university"', "recipients"),
        ('type = "integer"', "", 'column "age" has no type; it is one of boolean, date, integer'),
        ('type = "integer"', 'type = "int"', "type knows boolean, date, integer"),
        ('type = "integer"', "type = 5", "type knows"),
        ('role = "quasi-identifier"', "", "has no role"),
        ('role = "quasi-identifier"', 'role = "quasi"', "role knows"),
        ('["group", "filter", "aggregate"]', '["join"]', "uses knows aggregate, filter, group"),
        ('["group", "filter", "aggregate"]', '"group"', "uses is a list"),
        ('["SUM", "AVG"]', '["MAX"]', "aggregates knows AVG, COUNT, SUM"),
        ('["SUM", "AVG"]', '["sum"]', "aggregates knows"),
        ('["SUM", "AVG"]', "[1]", "aggregates is a list"),
        ('["SUM", "AVG"]', "[]", "go together"),
        ('uses = ["group", "filter", "aggregate"]', 'use = ["group"]', '"use"'),
        ('entity = "patient"', 'entity = "age"', "The entity"),
        ("[columns.age]", "[column.age]", '"column"'),
    ],
)
def test_a_file_that_is_wrong_says_what_to_correct(old: str, new: str, says: str) -> None:
    assert old in FILE
    with pytest.raises(Malformed) as refused:
        from_toml(FILE.replace(old, new), dataset=ID)
    assert says in refused.value.message


@pytest.mark.parametrize(
    "text", ["", "columns = 3", "columns = {}", "[columns]\nage = 3", "x" * 70_000, "a=" + "[" * 5000]
)
def test_what_is_no_such_file_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        from_toml(text, dataset=ID)
    assert refused.value.code == "terms.file"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_any_text_is_refused_in_order(text: str) -> None:
    with pytest.raises(TobariError):
        from_toml(text, dataset=ID)
