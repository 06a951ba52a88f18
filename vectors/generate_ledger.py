"""Writes vectors/ledger/*.json: `python -m vectors.generate_ledger`. A test holds them current.

Every case has a name, what is given, and `expect`: "ok" or the error code with which it is refused. Bytes are hex, keys
come from fixed seeds, so the files are the same on every machine. What each format means is in spec/ledger.md.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

from tests.tools.logs import KEY, ORIGIN, SIGNING_KEY, START, Log, header_of
from tobari.base import cbor, wire
from tobari.crypto.signing import SigningKey
from tobari.ledger.entry import LeafHeader, public_digest
from tobari.ledger.note import sign_note
from tobari.ledger.receipt import Receipt
from tobari.ledger.tiles import TilePath, decode_bundle, encode_bundle, tile_paths
from tobari.ledger.tree import Tree, leaf_hash

FOLDER = pathlib.Path(__file__).resolve().parent / "ledger"
SIZE = 21
LOG = Log.make(SIZE)
STRANGER = SigningKey.from_seed(b"s" * 32)

Case = dict[str, Any]


def case(name: str, expect: str = "ok", **given: Any) -> Case:
    return {"name": name, "expect": expect, **given}


def hexes(hashes: list[bytes] | tuple[bytes, ...]) -> list[str]:
    return [h.hex() for h in hashes]


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def inclusion() -> list[Case]:
    def one(name: str, expect: str = "ok", **changes: Any) -> Case:
        good = {
            "leaf_hash": leaf_hash(LOG.leaves[5]).hex(),
            "index": 5,
            "tree_size": SIZE,
            "proof": hexes(LOG.tree.inclusion_proof(5)),
            "root_hash": LOG.tree.root().hex(),
        }
        return case(name, expect, **{**good, **changes})

    proof, refused = LOG.tree.inclusion_proof(5), "ledger.inclusion"
    return [
        one("holds"),
        one(
            "last-leaf", index=20, leaf_hash=leaf_hash(LOG.leaves[20]).hex(), proof=hexes(LOG.tree.inclusion_proof(20))
        ),
        one(
            "only-leaf",
            index=0,
            tree_size=1,
            leaf_hash=leaf_hash(LOG.leaves[0]).hex(),
            proof=[],
            root_hash=LOG.tree.root(1).hex(),
        ),
        one("index-equals-size", refused, index=SIZE),
        one("empty-tree", refused, index=0, tree_size=0, proof=[]),
        one("other-index", refused, index=4),
        one("other-size", refused, tree_size=SIZE + 12),
        one("proof-cut", refused, proof=hexes(proof[:-1])),
        one("proof-with-one-more", refused, proof=hexes([*proof, bytes(32)])),
        one("proof-altered", refused, proof=hexes([flipped(proof[0]), *proof[1:]])),
        one("hash-of-31-bytes", refused, proof=hexes([proof[0][:31], *proof[1:]])),
        one("leaf-of-31-bytes", refused, leaf_hash=leaf_hash(LOG.leaves[5])[:31].hex()),
        one("root-of-33-bytes", refused, root_hash=(LOG.tree.root() + b"\0").hex()),
        one("root-of-another-size", refused, root_hash=LOG.tree.root(SIZE - 1).hex()),
    ]


def consistency() -> list[Case]:
    def one(name: str, expect: str = "ok", *, first: int = 6, second: int = SIZE, **changes: Any) -> Case:
        good = {
            "first_size": first,
            "first_root": LOG.tree.root(first).hex(),
            "second_size": second,
            "second_root": LOG.tree.root(second).hex(),
            "proof": hexes(LOG.tree.consistency_proof(first, second) if 0 < first <= second else []),
        }
        return case(name, expect, **{**good, **changes})

    proof, refused = LOG.tree.consistency_proof(6), "ledger.consistency"
    return [
        one("holds"),
        one("from-a-power-of-two", first=16),
        one("from-one", first=1),
        one("same-size", first=SIZE),
        one("from-an-empty-tree", refused, first=0),
        one("backwards", refused, first=7, second=6),
        one("same-size-other-root", refused, first=SIZE, first_root=LOG.tree.root(20).hex()),
        one("same-size-with-proof", refused, first=SIZE, proof=hexes(proof)),
        one("without-proof", refused, proof=[]),
        one("proof-cut", refused, proof=hexes(proof[:-1])),
        one("proof-with-one-more", refused, proof=hexes([*proof, bytes(32)])),
        one("proof-altered", refused, proof=hexes([flipped(proof[0]), *proof[1:]])),
        one("first-root-altered", refused, first_root=flipped(LOG.tree.root(6)).hex()),
        one("second-root-altered", refused, second_root=flipped(LOG.tree.root()).hex()),
        one("first-root-of-31-bytes", refused, first_root=LOG.tree.root(6)[:31].hex()),
    ]


def trees() -> list[Case]:
    tree, found = Tree(), []
    for size in range(10):
        found.append(case(f"{size}-leaves", leaves=hexes(LOG.leaves[:size]), root_hash=tree.root().hex()))
        tree.append(leaf_hash(LOG.leaves[size]))
    return found


def checkpoints() -> list[Case]:
    def one(name: str, expect: str, note: str) -> Case:
        return case(name, expect, vkey=KEY.vkey, note=note)

    good = LOG.note()
    text = LOG.checkpoint().text
    stranger = LOG.checkpoint().sign(STRANGER).removeprefix(text + "\n")
    lines = good.split("\n")
    return [
        one("holds", "ok", good),
        one("signature-of-an-unknown-key-too", "ok", good + stranger),
        one("extension-line", "ok", sign_note(text + "extension\n", ORIGIN, SIGNING_KEY)),
        one("no-known-key", "note.unknown_key", text + "\n" + stranger),
        one("size-altered", "note.signature", good.replace("\n21\n", "\n22\n")),
        one("known-key-signs-twice-once-wrongly", "note.signature", good + LOG.note(20).split("\n")[4] + "\n"),
        one("other-origin-under-this-key", "checkpoint.origin", sign_note("x" + text, ORIGIN, SIGNING_KEY)),
        one("no-signature", "note.malformed", text + "\n"),
        one("no-blank-line", "note.malformed", good.replace("\n\n", "\n")),
        one("carriage-returns", "note.malformed", good.replace("\n", "\r\n")),
        one("last-newline-missing", "note.malformed", good[:-1]),
        one("hyphen-for-the-dash", "note.malformed", good.replace("—", "-")),
        one("signature-not-canonical-base64", "note.malformed", good.replace(lines[4], lines[4].rstrip("="))),
        one("leading-zero", "checkpoint.malformed", sign_note(text.replace("\n21", "\n021"), ORIGIN, SIGNING_KEY)),
        one("two-lines", "checkpoint.malformed", sign_note(f"{ORIGIN}\n21\n", ORIGIN, SIGNING_KEY)),
        one("short-root", "checkpoint.malformed", sign_note(f"{ORIGIN}\n21\nAAEC\n", ORIGIN, SIGNING_KEY)),
    ]


def headers() -> list[Case]:
    good = wire.to_builtins(LeafHeader.from_bytes(LOG.leaves[3]))

    def one(name: str, expect: str, data: bytes) -> Case:
        return case(name, expect, header=data.hex())

    return [
        {**one("holds", "ok", LOG.leaves[3]), "leaf_hash": leaf_hash(LOG.leaves[3]).hex()},
        one("not-cbor", "cbor.malformed", b"\xff"),
        one("one-byte-more", "cbor.not_canonical", LOG.leaves[3] + b"\0"),
        one("indefinite-length", "cbor.malformed", b"\xbf" + LOG.leaves[3][1:] + b"\xff"),
        one("long-form-of-a-number", "cbor.not_canonical", LOG.leaves[3].replace(b"seq\x03", b"seq\x18\x03")),
        one("unknown-field", "message.malformed", cbor.encode({**good, "who": "x"})),
        one("negative-seq", "message.malformed", cbor.encode({**good, "seq": -1})),
        one("digest-of-31-bytes", "message.malformed", cbor.encode({**good, "public": bytes(31)})),
        one("too-large", "cbor.too_large", cbor.encode({**good, "public": bytes(1024)})),
    ]


def receipts() -> list[Case]:
    good, other = LOG.receipt(9), LOG.receipt(10)
    first, _extra, *rest = good.encode().split("\n")
    without_extra = "\n".join([first, *rest])

    def one(name: str, expect: str, receipt: Receipt | str) -> Case:
        return case(name, expect, vkey=KEY.vkey, file=receipt if isinstance(receipt, str) else receipt.encode())

    def changed(**changes: Any) -> Receipt:
        return dataclasses.replace(good, **changes)

    return [
        one("holds", "ok", good),
        one("no-index-line", "proof.malformed", good.encode().replace("index 9\n", "")),
        one("no-extra-line", "cbor.malformed", without_extra),
        one("index-of-another", "receipt.index", changed(index=10)),
        one("header-altered", "ledger.inclusion", changed(header=header_of(9, time=START))),
        one("proof-of-another", "ledger.inclusion", changed(proof=other.proof)),
        one("checkpoint-before-the-entry", "ledger.inclusion", changed(checkpoint=LOG.note(9))),
        one("checkpoint-altered", "note.signature", changed(checkpoint=LOG.note().replace("\n21\n", "\n22\n"))),
        one("foreign-key", "note.unknown_key", changed(checkpoint=LOG.checkpoint().sign(STRANGER))),
        one("claims-of-another", "receipt.claims", changed(claims=other.claims)),
        one("salt-of-another", "receipt.claims", changed(salt=other.salt)),
    ]


def tiles() -> list[Case]:
    named = [
        TilePath(kind=0, index=0),
        TilePath(kind=1, index=1_234_067),
        TilePath(kind="entries", index=999, width=1),
        TilePath(kind="public", index=1000, width=255),
    ]
    wrong = ["tile/0/1", "tile/0/x000/001", "tile/00/000", "tile/0/000.p/256", "tile/0/000.p/0", "tile/0/../000"]
    return [
        *(case(str(t), path=str(t), kind=t.kind, index=t.index, width=t.width) for t in named),
        *(case(text, "ledger.path", path=text) for text in wrong),
        *(case(f"tree-of-{n}", size=n, tiles=[str(t) for t in tile_paths(n)][-4:]) for n in (0, 1, 256, 70_000)),
    ]


def logs() -> list[Case]:
    size = 7
    small = Log.make(size)
    files = small.files()
    entries, public = f"tile/entries/000.p/{size}", f"tile/public/000.p/{size}"

    def one(name: str, expect: str, changes: dict[str, bytes | None] | None = None, log: Log = small) -> Case:
        given = {path: data.hex() for path, data in {**log.files(), **(changes or {})}.items() if data is not None}
        return case(name, expect, vkey=KEY.vkey, files=given)

    def leaves(*order: int, **altered: bytes) -> dict[str, bytes | None]:
        found, _ = decode_bundle("entries", files[entries])
        return {entries: encode_bundle("entries", [altered.get(f"e{i}", found[i]) for i in order])}

    def written(seq: int, leaf: bytes) -> Log:
        return Log.of([leaf if i == seq else header_of(i) for i in range(size)])

    everything = range(size)
    fork = written(2, header_of(2, time=START + 21))
    return [
        one("holds", "ok"),
        one("empty-log", "ok", log=Log.make(0)),
        one("public-bodies-pruned", "ok", {public: None}),
        {**one("grown-since", "ok"), "earlier": small.checkpoint(5).text},
        {**one("rolled-back", "ledger.rollback"), "earlier": Log.make(size + 1).checkpoint().text},
        {**one("forked", "ledger.fork"), "earlier": fork.checkpoint(5).text},
        one("no-checkpoint", "ledger.missing", {"checkpoint": None}),
        one("checkpoint-altered", "note.signature", {"checkpoint": small.note().replace("\n7\n", "\n6\n").encode()}),
        one("checkpoint-of-another-tree", "ledger.root", {"checkpoint": fork.note().encode()}),
        one("entry-altered", "ledger.altered", leaves(*everything, e3=header_of(3, time=START))),
        one("entries-reordered", "ledger.reordered", leaves(1, 0, *everything[2:])),
        one("entry-dropped", "ledger.dropped", leaves(*everything[:4], *everything[5:])),
        one("last-entry-dropped", "ledger.truncated", leaves(*everything[:-1])),
        one("bundle-cut", "ledger.truncated", {entries: files[entries][:-1]}),
        one("bundle-with-one-byte-more", "ledger.bundle", {entries: files[entries] + b"\0"}),
        one("tile-cut", "ledger.tile", {f"tile/0/000.p/{size}": files[f"tile/0/000.p/{size}"][:-1]}),
        one("public-body-altered", "ledger.public_body", {public: files[public].replace(b"p", b"P", 1)}),
        one("header-is-none", "ledger.header", log=written(4, b"none")),
        one("seq-wrong", "ledger.seq", log=written(4, header_of(5, public=public_digest(b"")))),
        one("time-backwards", "ledger.time", log=written(4, header_of(4, time=START))),
        one("term-backwards", "ledger.term", log=written(4, header_of(4, term=0))),
    ]


def build() -> dict[str, str]:
    """File name and text of each file."""
    kinds = (trees, inclusion, consistency, checkpoints, headers, receipts, tiles, logs)
    return {f"{kind.__name__}.json": json.dumps(kind(), indent=1, ensure_ascii=False) + "\n" for kind in kinds}


if __name__ == "__main__":
    for name, content in build().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
