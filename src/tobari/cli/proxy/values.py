"""Values of commands as JSON, both ways and without loss (docs/howto/use-from-anything.md, "Values").

JSON has no bytes, and many readers round integers beyond 2^53. Both are objects with one key:

    {"$bytes": "AAEC"}           bytes, base64url without padding
    {"$int": "9007199254740993"} an integer beyond what JavaScript counts exactly
    {"$float": "nan"}            nan, inf, -inf
    {"$map": [[key, value], …]}  a map whose keys are not all text

A text key that begins with `$` is written with one `$` more.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from typing import Any

from tobari.base.cbor import MAX_DEPTH
from tobari.base.errors import Malformed

_EXACT = (1 << 53) - 1
_LEAST, _MOST = -(1 << 64), (1 << 64) - 1
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,19})")
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_json(value: Any) -> Any:
    """A plain value as one that `json` writes."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if -_EXACT <= value <= _EXACT else {"$int": str(value)}
        case float():
            return value if math.isfinite(value) else {"$float": str(value)}
        case bytes():
            return {"$bytes": base64.urlsafe_b64encode(value).rstrip(b"=").decode()}
        case dict() if all(isinstance(key, str) for key in value):
            return {"$" + key if key.startswith("$") else key: to_json(inner) for key, inner in value.items()}
        case dict():
            return {"$map": [[to_json(key), to_json(inner)] for key, inner in value.items()]}
        case list() | tuple():
            return [to_json(inner) for inner in value]
    raise TypeError(f"a value holds no {type(value).__name__}")


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request's body, its values as they go into a command; nothing is an empty object.

    Raises:
        Malformed: `proxy.json`, `proxy.value`.
    """
    try:
        value = json.loads(body or b"{}", object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Malformed(
            "proxy.json", "The body must be JSON in UTF-8: no key twice, no NaN, not nested too deep."
        ) from None
    if not isinstance(value, dict):
        raise Malformed("proxy.json", "The body must be a JSON object.")
    return {name: _from_json(inner, 1) for name, inner in value.items()}


def _from_json(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise _no_value("it is nested too deep")
    match value:
        case bool():
            return value
        case int() if not _LEAST <= value <= _MOST:
            raise _no_value("an integer has at most 64 bits")
        case str() if any("\ud800" <= c <= "\udfff" for c in value):
            raise _no_value("text holds half a character")
        case list():
            return [_from_json(inner, depth + 1) for inner in value]
        case dict():
            return _map(value, depth)
    return value


def _map(value: dict[str, Any], depth: int) -> Any:
    match value:
        case {"$bytes": str(text)} if len(value) == 1:
            return _bytes(text)
        case {"$int": str(text)} if len(value) == 1 and _INTEGER.fullmatch(text):
            return _from_json(int(text), depth)
        case {"$float": str(text)} if len(value) == 1 and text in _FLOATS:
            return _FLOATS[text]
        case {"$map": list(pairs)} if len(value) == 1:
            return _pairs(pairs, depth)
    return {_key(key): _from_json(inner, depth + 1) for key, inner in value.items()}


def _bytes(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _no_value("$bytes holds base64url without padding") from None
    # Only one spelling: no standard alphabet, no stray bits, no padding.
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise _no_value("$bytes holds base64url without padding")
    return data


def _pairs(pairs: list[Any], depth: int) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise _no_value("$map holds pairs of a key and a value")
        key = _from_json(pair[0], depth + 1)
        if not isinstance(key, str | int | bytes) or key in found:
            raise _no_value("a key of $map is text, an integer or bytes, and stands once")
        found[key] = _from_json(pair[1], depth + 1)
    return found


def _key(key: str) -> str:
    if key.startswith("$"):
        if not key.startswith("$$"):
            raise _no_value("an object with a key that begins with $ is $bytes, $int, $float or $map alone")
        key = key[1:]
    return str(_from_json(key, 1))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(_: str) -> float:
    raise ValueError("JSON has no such number")


def _no_value(why: str) -> Malformed:
    return Malformed("proxy.value", f"An argument cannot be sent: {why}.")
