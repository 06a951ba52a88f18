"""Arguments of commands as people write them: `name=value`, and `name:=JSON` for whatever that cannot say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import typer

_WORD = re.compile(r"([a-z][a-z0-9_]*)(:?=)(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]+")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_LEAST, _MOST = -(1 << 64), (1 << 64) - 1


def read_arguments(words: Iterable[str]) -> dict[str, Any]:
    """The arguments that `name=value` words spell.

    A value is an integer, `true`, `false`, bytes as `hex:…`, or else text as it stands.

    Raises:
        typer.BadParameter: a word that is neither form, a name twice, or a number beyond 64 bits.
    """
    found: dict[str, Any] = {}
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None:
            raise typer.BadParameter(f'"{word}" is not name=value or name:=JSON')
        name, sign, text = match.groups()
        if name in found:
            raise typer.BadParameter(f'"{name}" is given twice')
        try:
            found[name] = _json(name, text) if sign == ":=" else _value(name, text)
            _check(name, found[name])
        except RecursionError:
            raise typer.BadParameter(f'"{name}" is nested too deep') from None
    return found


def _value(name: str, text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        # Longer digits are beyond every bound, and slow to read.
        return int(text) if len(text) <= 24 else _MOST + 1
    if text.startswith("hex:"):
        if not _HEX.fullmatch(text[4:]):
            raise typer.BadParameter(f'"{name}": after hex: come hexadecimal digits, two for each byte')
        return bytes.fromhex(text[4:])
    return text


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError:
        raise typer.BadParameter(f'"{name}": what follows := is not JSON') from None


def _no_number(_: str) -> float:
    raise ValueError("JSON has no such number")


def _check(name: str, value: Any) -> None:
    """Refuse what canonical CBOR cannot carry."""
    match value:
        case bool():
            pass
        case int() if not _LEAST <= value <= _MOST:
            raise typer.BadParameter(f'"{name}": an integer may have at most 64 bits')
        case str() if any("\ud800" <= c <= "\udfff" for c in value):
            raise typer.BadParameter(f'"{name}": this is not text in UTF-8')
        case list():
            for inner in value:
                _check(name, inner)
        case dict():
            for key, inner in value.items():
                _check(name, key)
                _check(name, inner)
