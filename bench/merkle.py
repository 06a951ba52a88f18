"""The Merkle tree against pymerkle's, entry by entry on one core: append until the root stands, and inclusion proofs.

The same entries of 200 bytes; both trees must come to the same root and the same last proof.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from bench import machine
from bench.figure import Figure
from tobari.ledger.tree import Tree, leaf_hash

PEER = Path(__file__).parent / ".peers" / "merkle" / "bin" / "python"
SCRIPT = Path(__file__).parent / "peers" / "merkle.py"
ENTRIES = 100_000
PROOFS = 2_000
ROUNDS = 3


def run() -> list[Figure]:
    if not PEER.exists():
        raise SystemExit("pymerkle is not installed: run `make bench-peers` first")
    append, prove, rates = [], [], []
    with machine.on_core(machine.cores()[1]):
        for _ in range(ROUNDS):
            ours, theirs = _ours(), _theirs()
            if (ours["root"], ours["last_path"]) != (theirs["root"], theirs["last_path"][1:]):
                raise ValueError("the two trees differ")
            append.append(theirs["append"] / ours["append"])
            prove.append(theirs["prove"] / ours["prove"])
            rates.append((ENTRIES / ours["append"], PROOFS / ours["prove"]))
    appends, proofs = (statistics.median(column) for column in zip(*rates, strict=True))
    size = f"{ENTRIES:,} entries"
    return [
        Figure(name=f"append, {size}", value=appends, unit="/s"),
        Figure(name="append, against pymerkle", value=statistics.median(append), unit="times", target=5),
        Figure(name=f"inclusion proofs, {size}", value=proofs, unit="/s"),
        Figure(name="inclusion proofs, against pymerkle", value=statistics.median(prove), unit="times", target=5),
    ]


def _ours() -> dict[str, Any]:
    tree = Tree()
    begin = time.perf_counter()
    for number in range(ENTRIES):
        tree.append(leaf_hash(number.to_bytes(8, "big") * 25))
    root = tree.root()
    appended = time.perf_counter()
    for number in range(PROOFS):
        path = tree.inclusion_proof(number * ENTRIES // PROOFS)
    proved = time.perf_counter()
    return {
        "append": appended - begin,
        "prove": proved - appended,
        "root": root.hex(),
        "last_path": [node.hex() for node in path],
    }


def _theirs() -> dict[str, Any]:
    done = subprocess.run([PEER, SCRIPT, str(ENTRIES), str(PROOFS)], capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured
