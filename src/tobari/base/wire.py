"""The one encoding module: typed messages (msgspec structs) to and from canonical CBOR and JSON.

A struct is a CBOR map with text keys, in JSON the same with bytes as base64. Unknown fields are refused where the
struct says `forbid_unknown_fields`, which is what `Message` does.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tobari.base import cbor
from tobari.base.canonical import encode as to_cbor
from tobari.base.errors import Malformed

__all__ = ["Message", "convert", "from_cbor", "from_json", "from_own", "to_builtins", "to_cbor", "to_json"]

T = TypeVar("T")


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every message: immutable, keyword-only, and closed."""


def to_builtins(value: object) -> Any:
    """Plain values (bytes stay bytes) of a typed one."""
    return msgspec.to_builtins(value, builtin_types=(bytes,))


def convert(value: Any, kind: type[T]) -> T:
    """A typed value out of plain ones.

    Raises:
        Malformed: `message.malformed`; the text names the field, never its value.
    """
    try:
        return msgspec.convert(value, kind, strict=True, builtin_types=(bytes,))
    except (msgspec.ValidationError, ValueError, TypeError, OverflowError) as error:
        raise Malformed("message.malformed", f"This is not a valid {_name(kind)}: {_reason(error)}.") from None


def from_cbor(data: bytes, kind: type[T], *, max_bytes: int) -> T:
    """Decode and validate in one step.

    Raises:
        TooLarge, Malformed: see `cbor.decode` and `convert`.
    """
    value = cbor.read(data, max_bytes=max_bytes)
    try:
        typed = convert(value, kind)
    except Malformed:
        cbor.require_canonical(data, value)
        raise
    # A message that encodes to `data` shows that `data` is canonical, and sooner than its plain value would. One that
    # does not may still have left out a field that has a default.
    if to_cbor(typed) != data:
        cbor.require_canonical(data, value)
    return typed


def from_own(data: bytes, kind: type[T]) -> T:
    """A value out of what this process encoded itself (`cbor.decode_own`); its type is checked all the same."""
    return convert(cbor.decode_own(data), kind)


def to_json(value: object) -> bytes:
    return msgspec.json.encode(value)


def from_json(data: bytes | str, kind: type[T], *, max_bytes: int = 1 << 20) -> T:
    """Decode and validate JSON.

    Raises:
        Malformed: `message.malformed`.
    """
    if len(data) > max_bytes:
        raise Malformed("message.malformed", f"This JSON may have at most {max_bytes} bytes.")
    try:
        return msgspec.json.decode(data, type=kind, strict=True)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed("message.malformed", f"This is not a valid {_name(kind)}: {_reason(error)}.") from None


def _name(kind: object) -> str:
    return getattr(kind, "__name__", None) or "message"


def _reason(error: Exception) -> str:
    # msgspec's texts name the expected type and the path; they quote a value only for enums and tags.
    text = str(error)
    return text.partition("Invalid enum value")[0] + "unknown value" if "Invalid enum value" in text else text
