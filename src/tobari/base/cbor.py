"""Canonical CBOR (RFC 8949), the only decoder of the house.

Encoding is deterministic: shortest forms, definite lengths, map keys sorted length-first (section 4.2.3). Decoding
accepts exactly what encoding produces: no tags, no indefinite lengths, no duplicate keys, no second spelling of a
value, no byte too many. What may be hashed has therefore one spelling only.

Not supported, on purpose: tags (so integers have at most 64 bits), `undefined`, simple values.
"""

from __future__ import annotations

from typing import Any, NoReturn

import cbor2

from tobari.base.canonical import encode
from tobari.base.errors import Malformed, TooLarge

__all__ = ["MAX_DEPTH", "decode", "decode_own", "encode", "read", "require_canonical"]

MAX_DEPTH = 24
"""Nesting of arrays and maps; our deepest message has nine levels."""


def _refuse(*_: object) -> NoReturn:
    raise ValueError("tags are not part of the format")


# cbor2 turns known tags into Python objects; every one of them is refused here, the unknown ones by `tag_hook`.
_NO_TAGS: dict[int, Any] = dict.fromkeys([*range(320), 1004, 43000, 55799], _refuse)


def decode(data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Any:
    """Decode one canonical item that fills `data`.

    Raises:
        TooLarge: `cbor.too_large`, more than `max_bytes`.
        Malformed: `cbor.malformed` or `cbor.not_canonical`.
    """
    value = read(data, max_bytes=max_bytes, max_depth=max_depth)
    require_canonical(data, value)
    return value


def read(data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Any:
    """The first half of `decode`: the item may still be spelled in another way. The caller finds out, by encoding it.

    Raises:
        TooLarge, Malformed: as `decode` does, but for `cbor.not_canonical`.
    """
    if len(data) > max_bytes:
        raise TooLarge("cbor.too_large", f"This message may have at most {max_bytes} bytes; send less at a time.")
    try:
        return cbor2.loads(
            data,
            tag_hook=_refuse,
            semantic_decoders=_NO_TAGS,
            max_depth=max_depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    # A hostile input reaches the decoder here: whatever it raises, the input is at fault.
    except Exception as error:
        raise _malformed() from error


def require_canonical(data: bytes, value: object) -> None:
    """The second half: `value`, which `data` was read as, encodes back to `data`.

    Raises:
        Malformed: `cbor.not_canonical`; `cbor.malformed` if it does not encode at all.
    """
    try:
        same = encode(value) == data
    except Exception as error:
        raise _malformed() from error
    if not same:
        raise Malformed("cbor.not_canonical", "These bytes are CBOR, but not in the one canonical spelling.")


def _malformed() -> Malformed:
    return Malformed("cbor.malformed", "These bytes are not CBOR as spec/cbor.md allows it.")


def decode_own(data: bytes) -> Any:
    """Decode what this process encoded itself and kept where nobody else writes: nothing is checked."""
    return cbor2.loads(data)
