"""Every nonce the enclave ever used on what the host saw, from the relays' records: each may occur once.

A test may open the log: it holds the virtual root. An entry's nonce is its number within its boot; a response, a
snapshot and the sealed state have nonce 0 under a key made from a random salt: there the salt must not repeat.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import cbor2

from tobari.base import wire
from tobari.crypto.aead import AeadKey
from tobari.crypto.kdf import derive
from tobari.crypto.labels import Label
from tobari.enclave.identity import ServiceSecrets, service_id
from tobari.enclave.platform.virtual import VirtualPlatform
from tobari.enclave.sealed_log import BootRecord, SealedLog
from tobari.ledger.entry import LeafHeader

_NONCE = 12


def used(record: Path, root: bytes) -> Counter[tuple[str, bytes, int]]:
    """How often each (kind, key's salt or boot, nonce) was used, over all boots.

    Raises:
        AssertionError: an entry opens under no nonce of its boot: the record is not complete.
    """
    boots = [_read(path) for path in sorted(record.glob("*.cbor"))]
    platform = VirtualPlatform(root=root, measurement=bytes(32))
    # More than one if a founding was cut short: the next one knew nothing of it.
    states = {item[1] for boot in boots for item in boot if item[0] == "state"}
    services = [ServiceSecrets.from_bytes(platform.unseal(state)) for state in states]
    seen: Counter[tuple[str, bytes, int]] = Counter()
    for boot in boots:
        seen.update(_of_entries([item[1:] for item in boot if item[0] == "entry"], services))
        seen.update((item[0], bytes(item[1][:32]), 0) for item in boot if item[0] != "entry")
    return seen


def _of_entries(entries: list[list[bytes]], services: list[ServiceSecrets]) -> list[tuple[str, bytes, int]]:
    """Of one boot, in the order they were sent."""
    if not entries:
        return []
    boot = wire.from_cbor(entries[0][1], BootRecord, max_bytes=1 << 16).boot
    keys = [
        (AeadKey(derive(secrets.key(Label.LOG), label=Label.LOG_BOOT, context=boot)), _id(secrets))
        for secrets in services
    ]
    (whose,) = [pair for pair in keys if any(_opens(*pair, number, entries[0]) for number in range(len(entries)))]
    return [("entry", boot, _nonce(whose, number, entry, len(entries))) for number, entry in enumerate(entries)]


def _nonce(whose: tuple[AeadKey, bytes], expected: int, entry: list[bytes], count: int) -> int:
    # The number it should have comes first; any other would be found, too.
    for nonce in (expected, *range(count)):
        if _opens(*whose, nonce, entry):
            return nonce
    raise AssertionError("an entry was sealed under a nonce that is not one of its boot's")


def _id(secrets: ServiceSecrets) -> bytes:
    return service_id(secrets.signing_key().public)


def _opens(key: AeadKey, service: bytes, nonce: int, entry: list[bytes]) -> bool:
    header, sealed = LeafHeader.from_bytes(entry[0]), entry[2]
    log = SealedLog(secret=bytes(32), service_id=service, term=header.term)
    aad = log._aad(seq=header.seq, term=header.term, time=header.time, public=header.public, claims=header.claims)
    try:
        key.open(nonce=nonce.to_bytes(_NONCE, "big"), sealed=sealed, aad=aad)
    except Exception:
        return False
    return True


def _read(path: Path) -> list[Any]:
    """What one boot sent; the last item may be cut if the relay was killed."""
    items = []
    with path.open("rb") as file:
        while True:
            try:
                items.append(cbor2.load(file))
            except cbor2.CBORDecodeError:
                return items
