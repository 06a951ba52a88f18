"""The floor: what one core must spend on every command whatever the rest costs, measured with the house's own calls.

That is one Ed25519 verification of a command of the load's size, and the command's share of opening its envelope
(HPKE, MLKEM768-X25519) and nothing else: no decoding, no log, no disk, no network.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

from tobari.crypto.hpke import RecipientKey
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey

PAYLOAD = 220
"""Bytes that are signed of one command of the load."""
ENVELOPE = 512
"""Bytes of the smallest size class; what a larger envelope adds is AES-GCM over it, which is not counted."""
REPEAT = 400
ROUNDS = 5


class Floor(NamedTuple):
    """Seconds of one core for one command."""

    wall: float
    processor: float
    """Without what other processes took of the core meanwhile."""


def measure(*, commands: int) -> Floor:
    """For a command of an envelope of `commands`, on the core this runs on: the median of a few rounds."""
    verify, unseal = _median(_verify()), _median(_open())
    return Floor(verify.wall + unseal.wall / commands, verify.processor + unseal.processor / commands)


def _median(call: Callable[[], object]) -> Floor:
    wall, processor = [], []
    for _ in range(ROUNDS):
        begin, used = time.perf_counter(), time.process_time()
        for _ in range(REPEAT):
            call()
        processor.append((time.process_time() - used) / REPEAT)
        wall.append((time.perf_counter() - begin) / REPEAT)
    return Floor(statistics.median(wall), statistics.median(processor))


def _verify() -> Callable[[], object]:
    key = SigningKey.generate()
    message = bytes(PAYLOAD)
    signature = key.sign(message)
    return lambda: key.public.verify(signature, message)


def _open() -> Callable[[], object]:
    key = RecipientKey.generate()
    sealed = key.public.seal(bytes(ENVELOPE), label=Label.REQUEST, context=b"")
    return lambda: key.open(sealed, label=Label.REQUEST, context=b"")
