"""Encoding plain values and messages to canonical CBOR (spec/cbor.md): each in its one spelling.

cbor2 spells alike and tests hold the two together. This encoder exists because much of what the enclave does is to
encode its own messages: it reads a message's fields as they are, without plain values in between, and knows their
names' spelling and order beforehand, which halves the cost. What it does not know itself it leaves to cbor2.

Decoding, and so everything hostile, is `cbor.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import cbor2
import msgspec

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP = range(6)
_SHORT = [[bytes([t << 5 | n] if n < 24 else [t << 5 | 24, n]) for n in range(256)] for t in range(6)]
"""Heads up to 255, by major type: nearly all there are."""
_SHORT_UINT, _, _SHORT_BYTES, _SHORT_TEXT, _SHORT_ARRAY, _SHORT_MAP = _SHORT
_HASH = _SHORT_BYTES[32]
_IN_2, _IN_4, _IN_8 = struct.Struct(">BH"), struct.Struct(">BI"), struct.Struct(">BQ")
_64_BITS = 1 << 64


def encode(value: object) -> bytes:
    """The canonical bytes of a plain value or a message; a subclass of `str`, such as an enum's member, is text.

    Raises:
        TypeError, ValueError: it has no CBOR form; see msgspec.to_builtins and cbor2.
    """
    return _ENCODERS[type(value)](value)


def _head(major: int, number: int) -> bytes:
    if number < 256:
        return _SHORT[major][number]
    if number < 1 << 16:
        return _IN_2.pack(major << 5 | 25, number)
    if number < 1 << 32:
        return _IN_4.pack(major << 5 | 26, number)
    return _IN_8.pack(major << 5 | 27, number)


def _int(value: int) -> bytes:
    if 0 <= value < 256:
        return _SHORT_UINT[value]
    if 0 <= value < _64_BITS:
        return _head(_UINT, value)
    if -_64_BITS <= value < 0:
        return _head(_NINT, -1 - value)
    return _other(value)


def _bytes(value: bytes) -> bytes:
    length = len(value)
    return (_SHORT_BYTES[length] if length < 256 else _head(_BYTES, length)) + value


def _text(value: str) -> bytes:
    data = value.encode()
    length = len(data)
    return (_SHORT_TEXT[length] if length < 256 else _head(_TEXT, length)) + data


def _array(value: list[Any] | tuple[Any, ...]) -> bytes:
    if len(value) > 3 and set(map(type, value)) == {bytes} and set(map(len, value)) == {32}:
        # A proof: all its hashes at once.
        return _head(_ARRAY, len(value)) + _HASH + _HASH.join(value)
    encoders = _ENCODERS
    return _head(_ARRAY, len(value)) + b"".join([encoders[type(item)](item) for item in value])


def _map(value: dict[Any, Any]) -> bytes:
    encoders = _ENCODERS
    items = [(encoders[type(key)](key), encoders[type(item)](item)) for key, item in value.items()]
    items.sort()
    # Texts have their length in the head, so that they are in order now. Other keys, and keys of two types, may not be.
    if items and not items[0][0][0] >> 5 == items[-1][0][0] >> 5 == _TEXT:
        items.sort(key=_length_first)
    return _head(_MAP, len(items)) + b"".join([part for item in items for part in item])


def _length_first(item: tuple[bytes, Any]) -> tuple[int, bytes]:
    return len(item[0]), item[0]


def _other(value: object) -> bytes:
    return cbor2.dumps(msgspec.to_builtins(value, builtin_types=(bytes,)), canonical=True)


def _message(kind: type[msgspec.Struct]) -> Callable[[Any], bytes]:
    """An encoder of that message: all that its fields' values do not change is spelled once, here."""
    config = kind.__struct_config__
    names = zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
    fields = [(_text(name), field) for name, field in names]
    if config.tag_field is not None:
        fields.append((_text(config.tag_field), ""))
    spelled, present = _literal(_head(_MAP, len(fields))), []
    for name, field in sorted(fields, key=_length_first):
        spelled += _literal(name) + (b"%b" if field else _literal(encode(config.tag)))
        if field:
            present.append(field)
    values = _values(present)
    return lambda message: spelled % tuple([_ENCODERS[type(value)](value) for value in values(message)])


def _literal(spelled: bytes) -> bytes:
    return spelled.replace(b"%", b"%%")


def _values(fields: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What takes these fields out of a message."""
    if len(fields) > 1:
        return attrgetter(*fields)
    return lambda message: tuple(getattr(message, field) for field in fields)


class _Encoders(dict[type, Callable[[Any], bytes]]):
    """Which function encodes a type; found once for each type there is."""

    def __missing__(self, kind: type) -> Callable[[Any], bytes]:
        if issubclass(kind, msgspec.Struct):
            self[kind] = _message(kind)
        else:
            self[kind] = _array if issubclass(kind, tuple) else _other
        return self[kind]


_ENCODERS = _Encoders(
    {
        bytes: _bytes,
        str: _text,
        int: _int,
        list: _array,
        tuple: _array,
        dict: _map,
        bool: lambda value: b"\xf5" if value else b"\xf4",
        type(None): lambda _: b"\xf6",
    }
)
