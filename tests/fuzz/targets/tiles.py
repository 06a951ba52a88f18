"""Files of a log: paths, bundles, and an audit over files of which one was replaced.

The first byte chooses: a path, a bundle of either kind, or which file of a small log to replace by the rest.
"""

from __future__ import annotations

from typing import Literal

from tests.tools.logs import KEY, Log
from tobari.base.errors import TobariError
from tobari.ledger.audit import audit
from tobari.ledger.tiles import TilePath, TileReader, decode_bundle, encode_bundle

LOG = Log.make(5)
FILES = LOG.files()
NAMES = sorted(FILES)


def run(data: bytes) -> None:
    kind, body = data[:1], data[1:]
    match kind:
        case b"p":
            _path(body)
        case b"e":
            _bundle("entries", body)
        case b"b":
            _bundle("public", body)
        case _:
            _audit(data[0] % len(NAMES) if data else 0, body)


def _path(body: bytes) -> None:
    try:
        text = body.decode()
        where = TilePath.parse(text)
    except (UnicodeDecodeError, TobariError):
        return
    assert str(where) == text


def _bundle(kind: Literal["entries", "public"], body: bytes) -> None:
    try:
        items, whole = decode_bundle(kind, body)
    except TobariError:
        return
    again = encode_bundle(kind, items)
    assert body.startswith(again)
    assert whole == (body == again)


def _audit(number: int, body: bytes) -> None:
    files = {**FILES, NAMES[number]: body}
    try:
        TileReader(files.get, 5).inclusion_proof(3)
        TileReader(files.get, 5).consistency_proof(2)
    except TobariError:
        pass
    try:
        report = audit(files.get, key=KEY)
    except TobariError:
        return
    assert report.root_hash == LOG.tree.root() or report.tree_size == 0, "an altered log verifies"
    for name in NAMES:
        assert files[name] == FILES[name] or name == "checkpoint", f"{name} was altered and nobody saw"


def seeds() -> dict[str, bytes]:
    paths = [
        "tile/0/000",
        "tile/0/x001/x234/567.p/255",
        "tile/entries/000.p/5",
        "tile/8/000",
        "tile/0/0",
        "tile/-0/000",
    ]
    found = {f"path-{number}": b"p" + path.encode() for number, path in enumerate(paths)}
    found["path-digits"] = b"p" + "tile/0/٠٠٠".encode()
    for number, name in enumerate(NAMES):
        found["file-" + name.replace("/", "-")] = bytes([number]) + FILES[name]
    found["entries"] = b"e" + encode_bundle("entries", LOG.leaves)
    found["public"] = b"b" + encode_bundle("public", LOG.public)
    found["public-too-long"] = b"b\xff\xff\xff\xff"
    return found
