"""The floor: what one core must spend on every command whatever the rest costs, measured with the house's own calls.

That is one Ed25519 verification of a command of the load's size, and the command's share of opening its envelope
(HPKE, MLKEM768-X25519) and nothing else: no decoding, no log, no disk, no network.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tobari.crypto.hpke import RecipientKey
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey

PAYLOAD = 220
"""Bytes that are signed of one command of the load."""
ENVELOPE = 512
"""Bytes of the smallest size class; what a larger envelope adds is AES-GCM over it, which is not counted."""
REPEAT = 400
ROUNDS = 5


def seconds_per_command(*, commands: int) -> float:
    """Seconds of this core for one command of an envelope of `commands`: the median of a few rounds."""
    return _median(_verify) + _median(_open) / commands


def _median(work: Callable[[], Callable[[], object]]) -> float:
    """Seconds of one call of what `work` prepares."""
    call = work()
    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(REPEAT):
            call()
        rounds.append((time.perf_counter() - begin) / REPEAT)
    return sorted(rounds)[ROUNDS // 2]


def _verify() -> Callable[[], object]:
    key = SigningKey.generate()
    message = bytes(PAYLOAD)
    signature = key.sign(message)
    return lambda: key.public.verify(signature, message)


def _open() -> Callable[[], object]:
    key = RecipientKey.generate()
    sealed = key.public.seal(bytes(ENVELOPE), label=Label.REQUEST, context=b"")
    return lambda: key.open(sealed, label=Label.REQUEST, context=b"")
