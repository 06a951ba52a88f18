"""COSE_Sign1 as bytes (RFC 9052, section 4.2): the structure, without any key.

Always untagged, with exactly two protected headers (alg and kid), an empty unprotected map and an attached payload.
The domain-separation label goes into `external_aad`. Signing and verifying are `tobari.crypto.signing`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from tobari.base import cbor
from tobari.base.errors import Malformed

EDDSA = -8
ES256 = -7
_ALG, _KID = 1, 4
MAX_PROTECTED = 128


class Sign1(NamedTuple):
    """A parsed COSE_Sign1; nothing in it is verified."""

    protected: bytes
    alg: int
    kid: bytes
    payload: bytes
    signature: bytes


def protected_header(*, alg: int, kid: bytes) -> bytes:
    return cbor.encode({_ALG: alg, _KID: kid})


def sig_structure(*, protected: bytes, external_aad: bytes, payload: bytes) -> bytes:
    """The bytes that are signed (RFC 9052, section 4.4)."""
    return cbor.encode(["Signature1", protected, external_aad, payload])


def assemble(*, protected: bytes, payload: bytes, signature: bytes) -> bytes:
    return cbor.encode([protected, {}, payload, signature])


def parse(data: bytes, *, max_bytes: int) -> Sign1:
    """Take a COSE_Sign1 apart.

    Raises:
        TooLarge: `cbor.too_large`.
        Malformed: `cbor.*`, or `cose.malformed`.
    """
    match cbor.decode(data, max_bytes=max_bytes, max_depth=4):
        case [bytes() as protected, {**unprotected}, bytes() as payload, bytes() as signature] if not unprotected:
            alg, kid = _read_protected(protected)
            return Sign1(protected, alg, kid, payload, signature)
    raise _malformed()


@functools.lru_cache(maxsize=1024)
def _read_protected(protected: bytes) -> tuple[int, bytes]:
    """Algorithm and kid. A signer's header is always the same bytes, so it is read once."""
    match cbor.decode(protected, max_bytes=MAX_PROTECTED, max_depth=2):
        # `is int`: to a mapping pattern, True and 1.0 are the key 1 as well.
        case {1: alg, 4: bytes() as kid, **rest} as header if not rest and all(
            type(number) is int for number in (*header, alg)
        ):
            return alg, kid
    raise _malformed()


def _malformed() -> Malformed:
    return Malformed("cose.malformed", "This is not a COSE_Sign1 as spec/command.md describes it.")
