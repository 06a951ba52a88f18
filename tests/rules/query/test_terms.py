from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.query.rooms import RULES, terms
from tobari.base import wire
from tobari.base.errors import Malformed, TobariError, TooLarge, Unauthorized
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey, sign1
from tobari.rules.query.terms import ColumnRule, DataTerms, check_name, sign_terms, verify_terms

KEY = SigningKey.from_seed(bytes(range(32)))


def with_column(name: str, rule: ColumnRule) -> dict[str, ColumnRule]:
    return RULES | {name: rule}


def test_signed_terms_come_back_as_they_were() -> None:
    assert verify_terms(sign_terms(terms(), key=KEY), key=KEY.public) == terms()


def test_the_digest_is_of_the_canonical_bytes_and_not_of_the_signature() -> None:
    assert terms().digest() == hashlib.sha256(wire.to_cbor(terms())).digest()
    assert terms().digest() != terms(min_group=4).digest()


def test_the_order_of_columns_does_not_matter() -> None:
    assert terms(columns=dict(reversed(RULES.items()))).digest() == terms().digest()


def test_terms_of_another_key_are_refused() -> None:
    with pytest.raises(Unauthorized) as refused:
        verify_terms(sign_terms(terms(), key=KEY), key=SigningKey.generate().public)
    assert refused.value.code == "signature.foreign_key"


def test_terms_signed_under_another_label_are_refused() -> None:
    with pytest.raises(Unauthorized) as refused:
        verify_terms(sign1(KEY, terms().encode(), label=Label.COMMAND), key=KEY.public)
    assert refused.value.code == "signature.invalid"


@pytest.mark.parametrize("changed", ["version", "columns", "extra"])
def test_signed_nonsense_is_refused(changed: str) -> None:
    values = wire.to_builtins(terms())
    values[changed] = {"version": 1, "columns": {}, "extra": None}[changed]
    with pytest.raises(Malformed):
        verify_terms(sign1(KEY, wire.to_cbor(values), label=Label.TERMS), key=KEY.public)


@pytest.mark.parametrize(
    "rule",
    [
        ColumnRule(type="text", role="identifier", uses=("group",)),
        ColumnRule(type="text", role="identifier", uses=("filter",)),
        ColumnRule(type="integer", role="identifier", uses=("aggregate",), aggregates=("SUM",)),
        ColumnRule(type="text", role="measure", uses=("aggregate",), aggregates=("AVG",)),
        ColumnRule(type="date", role="measure", uses=("aggregate",), aggregates=("SUM",)),
        ColumnRule(type="boolean", role="measure", uses=("aggregate",), aggregates=("SUM",)),
        ColumnRule(type="real", role="measure", uses=("group",)),
        ColumnRule(type="text", role="measure", uses=("aggregate",)),
        ColumnRule(type="text", role="measure", aggregates=("COUNT",)),
        ColumnRule(type="text", role="measure", uses=("group", "filter")),
        ColumnRule(type="text", role="measure", uses=("filter", "filter")),
        ColumnRule(type="integer", role="measure", uses=("aggregate",), aggregates=("SUM", "AVG")),
    ],
    ids=lambda rule: f"{rule.type}-{rule.role}-{'-'.join(rule.uses)}-{'-'.join(rule.aggregates)}",
)
def test_a_rule_that_contradicts_itself_is_refused(rule: ColumnRule) -> None:
    with pytest.raises(Malformed) as refused:
        terms(columns=with_column("extra", rule))
    assert refused.value.code == "terms.column"
    assert '"extra"' in refused.value.message


@pytest.mark.parametrize(
    "name",
    [
        "",
        " x",
        "x ",
        "a\nb",
        'a"b',
        "a'b",
        "a`b",
        "a\\b",
        "x" * 65,
        "e\u0301",
        "a\u200bb",
        "a\u202eb",
        "a\x00",
        "a\u3000b",
    ],
)
def test_a_name_that_deceives_is_refused(name: str) -> None:
    with pytest.raises(Malformed) as refused:
        check_name(name)
    assert refused.value.code == "terms.name"


@pytest.mark.parametrize(("one", "two"), [("Age", "age"), ("ｗard", "ward"), ("straße", "strasse"), ("k", "\u212a")])
def test_names_that_differ_too_little_are_refused(one: str, two: str) -> None:
    rule = ColumnRule(type="text", role="measure")
    with pytest.raises(Malformed) as refused:
        terms(columns=RULES | {one: rule, two: rule})
    assert refused.value.code == "terms.name"


@pytest.mark.parametrize("purpose", ["\x1b[2J", "a\rb", "a\u202eb", "a\x00"])
def test_a_purpose_that_a_terminal_would_obey_is_refused(purpose: str) -> None:
    with pytest.raises(Malformed) as refused:
        terms(purpose=purpose)
    assert refused.value.code == "terms.purpose"


def test_a_purpose_may_have_lines_and_wide_spaces() -> None:
    assert terms(purpose="目的：\n\u3000生存期間の比較").digest()


@pytest.mark.parametrize("entity", ["", "nobody", "ward", "PATIENT"])
def test_the_entity_has_a_rule_as_an_identifier(entity: str) -> None:
    with pytest.raises(Malformed) as refused:
        terms(entity=entity)
    assert refused.value.code == "terms.entity"


def test_the_entity_is_text_or_integer() -> None:
    with pytest.raises(Malformed) as refused:
        terms(columns=with_column("patient", ColumnRule(type="real", role="identifier")))
    assert refused.value.code == "terms.entity"


@pytest.mark.parametrize("recipients", [("b", "a"), ("a", "a")])
def test_recipients_have_one_spelling(recipients: tuple[str, ...]) -> None:
    with pytest.raises(Malformed) as refused:
        terms(recipients=recipients)
    assert refused.value.code == "terms.recipients"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_group", 1),
        ("min_group", 0),
        ("min_group", -5),
        ("min_group", True),
        ("min_group", 1_000_001),
        ("recipients", []),
        ("recipients", ["A"]),
        ("room", "Room"),
        ("room", "a room"),
        ("room", "room\n"),
        ("dataset", bytes(15)),
        ("purpose", ""),
        ("purpose", "x" * 1001),
        ("expires", -1),
        ("version", 1),
        ("columns", {}),
    ],
)
def test_a_field_out_of_bounds_is_refused(field: str, value: Any) -> None:
    values = wire.to_builtins(terms()) | {field: value}
    with pytest.raises(Malformed):
        wire.convert(values, DataTerms)


def test_terms_too_large_to_send_are_not_signed() -> None:
    wide = {f"{'é' * 58}{number:03}": ColumnRule(type="text", role="measure") for number in range(255)}
    bulky = terms(purpose="漢" * 1000, recipients=tuple(f"{'m' * 60}{n:03}" for n in range(256)), columns=RULES | wide)
    with pytest.raises(TooLarge) as refused:
        sign_terms(msgspec.structs.replace(bulky, columns=bulky.columns | more_columns()), key=KEY)
    assert refused.value.code == "terms.too_large"


def more_columns() -> dict[str, ColumnRule]:
    rule = ColumnRule(
        type="integer",
        role="quasi-identifier",
        uses=("aggregate", "filter", "group"),
        aggregates=("AVG", "COUNT", "SUM"),
    )
    return {f"{'è' * 58}{number:03}": rule for number in range(120)}


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_order(data: bytes) -> None:
    with pytest.raises(TobariError):
        verify_terms(data, key=KEY.public)
