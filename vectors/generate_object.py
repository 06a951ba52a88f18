"""Writes vectors/object/*.json: `python -m vectors.generate_object`. A test holds them current.

Sealing an object is deterministic, so the files give what to seal and digests of what comes out (spec/object.md).

objects.json     a data key, a place, a plaintext (`pattern`, repeated up to `size`), and the object it becomes
tampered.json    sealed bytes put together from chunks of those objects, opened as `as`: "ok" or a code
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from tobari.base.messages.objects import CHUNK
from tobari.client.objects import DataKey, SealedObject, seal

FOLDER = pathlib.Path(__file__).resolve().parent / "object"
Case = dict[str, Any]

PATTERN = bytes(range(251))
"""Its length is prime, so that no two chunks are alike."""
KEY = DataKey(dataset=bytes(range(16)), secret=bytes(range(32)))
OTHER_DATASET = DataKey(dataset=bytes(16), secret=KEY.secret)
OTHER_SECRET = DataKey(dataset=KEY.dataset, secret=bytes(32))
SIZES = {
    "empty": (KEY, 0, 0),
    "one-byte": (KEY, 1, 1),
    "one-chunk": (KEY, 2, CHUNK),
    "one-chunk-and-a-byte": (KEY, 3, CHUNK + 1),
    "three-chunks": (KEY, 4, 2 * CHUNK + 9),
    "three-chunks-at-another-index": (KEY, 5, 2 * CHUNK + 9),
    "two-chunks": (KEY, 6, 2 * CHUNK),
    "at-an-index-beyond-32-bits": (KEY, 1 << 40, 9),
    "of-another-dataset": (OTHER_DATASET, 4, 2 * CHUNK + 9),
    "under-another-secret": (OTHER_SECRET, 4, 2 * CHUNK + 9),
}


def plaintext(size: int) -> bytes:
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


SEALED: dict[str, SealedObject] = {
    name: seal(plaintext(size), key, object_index=index) for name, (key, index, size) in SIZES.items()
}


def objects() -> list[Case]:
    found = []
    for name, (key, index, size) in SIZES.items():
        sealed = SEALED[name]
        *_, last = sealed.chunks()
        case = {
            "name": name,
            "expect": "ok",
            "data_key": key.secret.hex(),
            "dataset": key.dataset.hex(),
            "object_index": index,
            "pattern": PATTERN.hex(),
            "size": size,
            "root": sealed.ref.root.hex(),
            "sealed_size": sealed.ref.sealed_size,
            "leaf_hashes": [sealed.hashes[at : at + 32].hex() for at in range(0, len(sealed.hashes), 32)],
        }
        found.append(case | ({"last_chunk": last.hex()} if len(last) < 64 else {}))
    return found


def tampered() -> list[Case]:
    def one(name: str, expect: str, *chunks: tuple[str, int], as_: str = "three-chunks", **given: int) -> Case:
        return {"name": name, "expect": expect, "as": as_, "chunks": [list(chunk) for chunk in chunks], **given}

    three = [("three-chunks", index) for index in range(3)]
    swapped, root = "object.chunk", "object.root"
    return [
        one("holds", "ok", *three),
        one("empty-holds", "ok", ("empty", 0), as_="empty"),
        one("chunks-swapped", swapped, three[1], three[0], three[2]),
        one("chunk-replayed", swapped, three[0], three[0], three[2]),
        one("chunk-of-another-object", swapped, three[0], ("three-chunks-at-another-index", 1), three[2]),
        one("chunk-of-another-dataset", swapped, three[0], ("of-another-dataset", 1), three[2]),
        one("chunk-under-another-secret", swapped, three[0], ("under-another-secret", 1), three[2]),
        one("all-of-another-object", swapped, *[("three-chunks-at-another-index", index) for index in range(3)]),
        one("last-chunk-truncated", swapped, *three, cut=1),
        one("last-chunk-dropped", root, *three[:2]),
        one("nothing", root),
        one("chunk-more", swapped, *three[:2], three[1], three[2]),
        one("byte-more", swapped, *three, more=1),
        one("bit-flipped", swapped, *three, flip=CHUNK + 40),
        one("end-moved-forward", swapped, ("three-chunks", 0), ("three-chunks", 1), as_="two-chunks"),
        one("end-moved-back", swapped, ("two-chunks", 0), ("two-chunks", 1), three[2]),
    ]


def build() -> dict[str, str]:
    """File name and text of each file."""
    return {f"{kind.__name__}.json": json.dumps(kind(), indent=1) + "\n" for kind in (objects, tampered)}


if __name__ == "__main__":
    for name, content in build().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
