"""Evidence in any spelling a file may have: canonical CBOR, its hex or base64, or JSON (spec/evidence.md).

This finds the bundle and nothing more: what it returns is neither verified nor appraised. Services speak canonical CBOR
only (`bundle.decode`); this is for people with files.
"""

from __future__ import annotations

import base64
import contextlib
import re

from tobari.base import wire
from tobari.base.errors import Malformed, TooLarge
from tobari.evidence import bundle
from tobari.evidence.bundle import MAX_BUNDLE, EvidenceBundle

_SPACE = re.compile(rb"[ \t\r\n]+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def recognise(data: bytes) -> EvidenceBundle:
    """The bundle that `data` spells.

    Raises:
        TooLarge: `evidence.too_large`, above 1 MiB in whichever spelling.
        Malformed: `evidence.unrecognised`.
    """
    if len(data) > MAX_BUNDLE:
        raise TooLarge("evidence.too_large", f"Evidence may have at most {MAX_BUNDLE} bytes.")
    for spelling in (bytes, _hex, _base64):
        with contextlib.suppress(ValueError, Malformed):
            return bundle.decode(spelling(data))
    try:
        return wire.from_json(data, EvidenceBundle, max_bytes=MAX_BUNDLE)
    except Malformed:
        raise Malformed(
            "evidence.unrecognised", "This is no evidence that this version knows, in CBOR, hex, base64 or JSON."
        ) from None


def _hex(data: bytes) -> bytes:
    return bytes.fromhex(data.decode("ascii"))


def _base64(data: bytes) -> bytes:
    """Either alphabet, with line breaks, padded or not."""
    text = _SPACE.sub(b"", data).translate(_URL_SAFE).rstrip(b"=")
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
