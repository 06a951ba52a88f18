"""The long form: `python -m tests.faults [TIMES]` runs the kill table so many times in shuffled order, then the eye.

Prints a line for each round, ends with 1 at the first that does not hold, and writes docs/reference/faults.md.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import planted, report
from tests.faults.kill_table import ROWS
from tests.faults.operator_eye import operators_eye
from tests.faults.service import Service
from tests.faults.world import World

SNAPSHOTS = 40


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with tempfile.TemporaryDirectory(prefix="tobari-faults-") as folder:
        figures = kill_table(Path(folder) / "kill", times)
        eye = operator(Path(folder) / "eye")
    report.PAGE.write_text(report.page(**figures, eye=eye), "utf-8")
    return 0


def kill_table(folder: Path, times: int) -> dict[str, int]:
    rounds = acknowledged = nonces = 0
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"kill table: {len(ROWS)} rows, {times} times, seed {seed}", flush=True)
    for turn in range(times):
        rows = list(ROWS)
        random.Random(seed + turn).shuffle(rows)
        with World.open(folder / str(turn)) as world:
            for row in rows:
                start = time.monotonic()
                rounds += 1
                print(f"{rounds:4}  {row.name}", end="", flush=True)
                row.round(world)
                print(f"  {time.monotonic() - start:.1f} s", flush=True)
            acknowledged += world.load.acknowledged
            nonces += world.check_nonces()
    print(f"{rounds} rounds, {acknowledged} acknowledged commands, {nonces} nonces, none twice", flush=True)
    return {"rounds": rounds, "acknowledged": acknowledged, "nonces": nonces}


def operator(folder: Path) -> list[str]:
    scene = planted.Scene()
    with Service(folder, keys=scene.keys) as service:
        service.start()
        with operators_eye(service, canaries=scene.canaries, snapshots=SNAPSHOTS) as eye:
            scene.play(service, eye, rounds=30)
    return eye.lines()


if __name__ == "__main__":
    sys.exit(main())
