"""Canaries: secrets that a test plants, and every way a program spells them without meaning to.

Raw, hexadecimal in both cases, base64 in both alphabets at each of the three alignments, texts also in UTF-16, numbers
in decimal, as integers of either byte order, as Python holds them, and as 64-bit floats. Not: what somebody encrypts,
compresses or encodes on purpose.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass

SHORTEST = 6
"""Bytes of a spelling: what is shorter stands in any memory by chance."""
_DIGIT = 30
"""Bits of one digit of an int in CPython (sys.int_info)."""


@dataclass(frozen=True)
class Canary:
    """One secret. It is found if one of its spellings is."""

    name: str
    spellings: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Canary({self.name!r}, …)"


def text(name: str, value: str) -> Canary:
    """A text of at least 12 characters, so that chance cannot spell it."""
    utf16 = (value.encode("utf-16-le"), value.encode("utf-16-be"))
    return _canary(name, [*_encoded(value.encode()), *utf16])


def key(name: str, value: bytes) -> Canary:
    """Bytes."""
    return _canary(name, _encoded(value))


def number(name: str, value: int) -> Canary:
    """A whole number of 44 to 64 bits."""
    assert 44 <= value.bit_length() <= 64
    digits = [value >> at & ((1 << _DIGIT) - 1) for at in range(0, value.bit_length(), _DIGIT)]
    whole = value.to_bytes(8, "big").lstrip(b"\0")
    forms = [whole, whole[::-1], struct.pack(f"<{len(digits)}I", *digits), *_floats(value)]
    decimal = str(value)
    return _canary(name, [*forms, *_encoded(decimal.encode()), decimal.encode("utf-16-le"), whole.hex().encode()])


def _floats(value: int) -> list[bytes]:
    """Only where a float holds it exactly."""
    return [struct.pack(order + "d", value) for order in "<>"] if int(float(value)) == value else []


def _encoded(value: bytes) -> list[bytes]:
    hexadecimal = value.hex()
    return [value, hexadecimal.encode(), hexadecimal.upper().encode(), *_base64(value)]


def _base64(value: bytes) -> list[bytes]:
    """The characters that hang on these bytes alone, wherever in a longer text they begin."""
    found = []
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + value)
        inner = encoded[-(-8 * offset // 6) : 8 * (offset + len(value)) // 6]
        found += [inner, inner.replace(b"+", b"-").replace(b"/", b"_")]
    return found


def _canary(name: str, spellings: list[bytes]) -> Canary:
    distinct = tuple(dict.fromkeys(spellings))
    assert all(len(spelling) >= SHORTEST for spelling in distinct), name
    return Canary(name, distinct)
