"""The TOML file in which an owner writes data terms (spec/data-terms.md, "The owner's file").

The file names no dataset: one file serves every dataset of the same kind, and the id is given when it is read. Messages
name the key and what is allowed there, because a person is editing.
"""

from __future__ import annotations

import datetime
from typing import Any, get_args

from tobari.base import toml, wire
from tobari.base.errors import Malformed, TobariError
from tobari.rules.query.terms import MAX_TERMS, Aggregate, ColumnType, DataTerms, Role, Use

_FIELDS = ("version", "room", "purpose", "entity", "min_group", "recipients", "co_owners", "expires", "columns")
_RULE: dict[str, tuple[str, ...]] = {
    "type": get_args(ColumnType),
    "role": get_args(Role),
    "uses": get_args(Use),
    "aggregates": get_args(Aggregate),
}
_LISTS = ("uses", "aggregates")


def from_toml(text: str, *, dataset: bytes) -> DataTerms:
    """Terms for the dataset with that id (16 bytes) out of an owner's file.

    Raises:
        Malformed: `terms.file`, and what `DataTerms` raises.
    """
    try:
        table = toml.read(text, max_chars=MAX_TERMS)
    except Malformed as error:
        raise _wrong(error.message) from None
    _known("the file", table, _FIELDS)
    if table.get("version", 0) != 0:
        raise _wrong("this release knows version 0 of data terms only")
    columns = table.get("columns")
    if not isinstance(columns, dict) or not columns:
        raise _wrong("it has no [columns.NAME] table; a column without one is not queryable")
    recipients, co_owners = table.get("recipients"), table.get("co_owners")
    values = {
        **table,
        "dataset": dataset,
        "recipients": sorted(recipients)
        if isinstance(recipients, list) and _is_list_of_text(recipients)
        else recipients,
        "co_owners": sorted(co_owners) if co_owners and _is_list_of_text(co_owners) else co_owners,
        "expires": _expires(table.get("expires")),
        "columns": {name: _rule(name, rule) for name, rule in columns.items()},
    }
    try:
        return wire.convert(values, DataTerms)
    except TobariError as error:
        if error.code != "message.malformed":
            raise
        raise _wrong(error.message.rstrip(".")) from None


def _rule(name: str, rule: Any) -> dict[str, Any]:
    if not isinstance(rule, dict):
        raise _wrong(f'column "{name}" needs a table of its own: [columns."{name}"]')
    where = f'column "{name}"'
    _known(where, rule, tuple(_RULE))
    values = dict(rule)
    for key, allowed in _RULE.items():
        if key not in rule and key not in _LISTS:
            raise _wrong(f"{where} has no {key}; it is one of {', '.join(allowed)}")
        value = rule.get(key, [])
        if key in _LISTS and not _is_list_of_text(value):
            raise _wrong(f"{where}: {key} is a list of texts, out of {', '.join(allowed)}")
        if not set(value if key in _LISTS else [value if isinstance(value, str) else ""]) <= set(allowed):
            raise _wrong(f"{where}: {key} knows {', '.join(allowed)}, and nothing else")
        if key in _LISTS:
            values[key] = sorted(value)
    return values


def _expires(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        raise _wrong("expires is a date and time with its zone, like 2027-04-01T00:00:00+09:00")
    return int(value.timestamp() * 1000)


def _known(where: str, table: dict[str, Any], allowed: tuple[str, ...]) -> None:
    for key in table:
        if key not in allowed:
            raise _wrong(f'{where} has a key "{key}" that is not known; known are {", ".join(allowed)}')


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _wrong(what: str) -> Malformed:
    return Malformed("terms.file", f"This is not a file of data terms: {what}.")
