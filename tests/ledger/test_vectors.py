"""Our own vectors, vectors/ledger/*.json, through the public functions: any other implementation can do the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tobari.base.errors import TobariError
from tobari.ledger.audit import audit
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.entry import LeafHeader
from tobari.ledger.note import NoteKey
from tobari.ledger.proof import verify_consistency, verify_inclusion
from tobari.ledger.receipt import Receipt, verify
from tobari.ledger.tiles import TilePath, tile_paths
from tobari.ledger.tree import Tree, leaf_hash
from vectors.generate_ledger import FOLDER, build

FILES = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.json"))}
CASES = [
    pytest.param(name.removesuffix(".json"), case, id=f"{name.removesuffix('.json')}/{case['name']}")
    for name, text in FILES.items()
    for case in json.loads(text)
]


def from_hex(value: Any) -> Any:
    if isinstance(value, list):
        return [from_hex(item) for item in value]
    return bytes.fromhex(value) if isinstance(value, str) else value


def arguments(case: dict[str, Any]) -> dict[str, Any]:
    """Those of a verify function: what is given carries their names."""
    return {key: from_hex(value) for key, value in case.items() if key not in ("name", "expect")}


def run_tree(case: dict[str, Any]) -> None:
    tree = Tree()
    tree.extend(leaf_hash(bytes.fromhex(leaf)) for leaf in case["leaves"])
    assert tree.root().hex() == case["root_hash"]


def run_header(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["header"])
    assert LeafHeader.from_bytes(data).encode() == data
    assert leaf_hash(data).hex() == case["leaf_hash"]


def run_tile(case: dict[str, Any]) -> None:
    if "size" in case:
        assert [str(where) for where in tile_paths(case["size"])][-4:] == case["tiles"]
        return
    where = TilePath.parse(case["path"])
    assert (where.kind, where.index, where.width) == (case["kind"], case["index"], case["width"])


def run_log(case: dict[str, Any]) -> None:
    files = {path: bytes.fromhex(data) for path, data in case["files"].items()}
    earlier = Checkpoint.parse(case["earlier"]) if "earlier" in case else None
    audit(files.get, key=NoteKey.from_vkey(case["vkey"]), earlier=earlier)


RUN: dict[str, Callable[[dict[str, Any]], object]] = {
    "trees": run_tree,
    "inclusion": lambda case: verify_inclusion(**arguments(case)),
    "consistency": lambda case: verify_consistency(**arguments(case)),
    "checkpoints": lambda case: open_checkpoint(case["note"], NoteKey.from_vkey(case["vkey"])),
    "headers": run_header,
    "receipts": lambda case: verify(Receipt.parse(case["file"]), key=NoteKey.from_vkey(case["vkey"])),
    "tiles": run_tile,
    "logs": run_log,
}


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_vector(kind: str, case: dict[str, Any]) -> None:
    if case["expect"] == "ok":
        RUN[kind](case)
        return
    with pytest.raises(TobariError) as caught:
        RUN[kind](case)
    assert caught.value.code == case["expect"]


def test_the_files_are_what_the_script_writes() -> None:
    assert build() == FILES, "run: python -m vectors.generate_ledger"
