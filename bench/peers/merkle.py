"""pymerkle's tree in memory, timed: `merkle.py ENTRIES PROOFS` prints one JSON object. Imports nothing of ours."""

from __future__ import annotations

import json
import sys
import time

from pymerkle import InmemoryTree


def main() -> None:
    entries, proofs = int(sys.argv[1]), int(sys.argv[2])
    tree = InmemoryTree(algorithm="sha256")
    begin = time.perf_counter()
    for number in range(entries):
        tree.append_entry(number.to_bytes(8, "big") * 25)
    root = tree.get_state()
    appended = time.perf_counter()
    for number in range(proofs):
        proof = tree.prove_inclusion(number * entries // proofs + 1)
    proved = time.perf_counter()
    path = [bytes(node).hex() for node in proof.path]
    print(json.dumps({"append": appended - begin, "prove": proved - appended, "root": root.hex(), "last_path": path}))


if __name__ == "__main__":
    main()
