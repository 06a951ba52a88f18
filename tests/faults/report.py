"""docs/reference/faults.md: the kill table and the operator's eye, with the figures of the last long run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.faults.kill_table import ROWS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "faults.md"

_HEADER = """# Faults

Written by `make faults`; a test holds the tables to the code. It takes some ten minutes. `make test` runs a short form.

## The kill table

Real processes under load from several clients are killed by `kill -9` while the named step is being done: a process
between host and enclave, and a launcher around the host, stop at that step, and the victim is killed while they stand
there. Then the service is started again by the normal path, and this is checked:

1. Every acknowledged command has the status and the place in the log that its client was told.
2. Every other command was carried out wholly or not at all: balances are those that the statuses give, and add up.
3. All receipts verify; the log audits and continues the one that was audited before.
4. Every question to the room that was taken gets the right answer; what an upload that was cut off left is what the
   host offers to go on with.
5. Enclave, worker server and workers are gone when the host is; no nonce was used twice in all the rounds, the
   entries that were lost on the way included.

The disk is a file system that a killed process leaves as it was. A disk that loses what it said was written is played
by tearing SQLite's files after the kill.
"""
_FIGURES = "\nLast run: {rounds} rounds, {acknowledged} acknowledged commands, {nonces} nonces, none twice.\n"


def page(*, rounds: int, acknowledged: int, nonces: int, eye: Sequence[str]) -> str:
    head = "\n| while | at the step | killed | what is found |\n|---|---|---|---|\n"
    table = "".join(f"| {row.during} | {row.step} | {row.victim} | {row.found} |\n" for row in ROWS)
    figures = _FIGURES.format(rounds=rounds, acknowledged=acknowledged, nonces=nonces)
    return _HEADER + figures + head + table + "\n" + "\n".join(eye) + "\n"


def rows_of(text: str) -> list[tuple[str, ...]]:
    """The kill table's rows as the page has them."""
    rows = re.findall(r"^\| (.+) \|$", text.partition("| what is found |")[2].partition("\n\n")[0], re.MULTILINE)
    return [tuple(row.split(" | ")) for row in rows]
