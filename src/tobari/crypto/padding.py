"""Size classes: what is sealed is padded, so that its length tells the class only.

Classes are the powers of two from 512 bytes to 64 KiB, then multiples of 64 KiB. The body is preceded by its length
(4 bytes, big endian) and followed by zeros.
"""

from __future__ import annotations

from tobari.base.errors import Malformed, TooLarge

SMALLEST = 512
STEP = 1 << 16
LARGEST = 15 * STEP
"""Plaintext bytes of the largest class: fits MAX_ENVELOPE with everything that sealing adds."""
MAX_BODY = LARGEST - 4


def size_class(length: int) -> int:
    """The padded size of a body of `length` bytes, its length field included."""
    total = length + 4
    if total <= STEP:
        return max(SMALLEST, 1 << (total - 1).bit_length())
    return -(-total // STEP) * STEP


def pad(body: bytes) -> bytes:
    """
    Raises:
        TooLarge: `envelope.too_large`.
    """
    if len(body) > MAX_BODY:
        raise TooLarge("envelope.too_large", f"A message may have at most {MAX_BODY} bytes; send less at a time.")
    return (len(body).to_bytes(4, "big") + body).ljust(size_class(len(body)), b"\0")


def unpad(padded: bytes) -> bytes:
    """
    Raises:
        Malformed: `envelope.padding`, if it is not exactly what `pad` makes.
    """
    length = int.from_bytes(padded[:4], "big")
    body = padded[4 : 4 + length]
    zeros = len(padded) - 4 - length
    if length > MAX_BODY or len(padded) != size_class(length) or padded.count(0, 4 + length) != zeros:
        raise Malformed("envelope.padding", "The padding is not what spec/command.md describes.")
    return body
