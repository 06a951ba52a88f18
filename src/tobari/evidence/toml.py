"""Write a policy as TOML 1.0, deterministically. Reading is the standard library's tomllib.

It writes the shape of our policies and no other: tables, arrays of tables, arrays of plain values, and strings whose
format forbids every character that TOML would have to escape.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec


def emit(policy: msgspec.Struct) -> str:
    """Fields in the order of their struct, free names sorted, plain values before tables; None is left out."""
    return "\n".join(_table("", policy)).lstrip("\n") + "\n"


def _table(path: str, table: msgspec.Struct | dict[str, Any], header: str = "") -> Iterator[str]:
    """The lines of one table and those below it. A table that holds tables alone needs no header, unless in a list."""
    items = sorted(table.items()) if isinstance(table, dict) else msgspec.structs.asdict(table).items()
    fields = {key: value for key, value in items if value is not None}
    plain = {key: value for key, value in fields.items() if not _tables(value)}
    if header and (plain or not fields or header.startswith("[[")):
        yield from ("", header)
    for key, value in plain.items():
        yield f"{key} = {_plain(value)}"
    for key, value in fields.items():
        inner = f"{path}.{key}" if path else key
        for entry in _tables(value):
            yield from _table(inner, entry, f"[[{inner}]]" if isinstance(value, list) else f"[{inner}]")


def _tables(value: object) -> list[msgspec.Struct | dict[str, Any]]:
    """The tables that a value is or lists."""
    values = value if isinstance(value, list) else [value]
    return [entry for entry in values if isinstance(entry, dict | msgspec.Struct)]


def _plain(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return f'"{value}"'
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case list():
            return f"[{', '.join(map(_plain, value))}]"
    raise TypeError(f"a policy holds no {type(value).__name__}")
