"""Run benchmarks by name, or all of them."""

from __future__ import annotations

import argparse

from bench import commands, figure, latency, machine, memory, merkle, results, room
from bench.figure import Benchmark

BENCHMARKS: dict[str, Benchmark] = {
    "commands": commands.run,
    "merkle": merkle.run,
    "room": room.run,
    "memory": memory.run,
    "latency": latency.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, on this machine.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all if none is named")
    parser.add_argument("--keep", action="store_true", help="write the results into bench/RESULTS.md")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark '{unknown[0]}'")
    print(machine.description(), flush=True)
    for name in arguments.names or BENCHMARKS:
        figures = BENCHMARKS[name]()
        print(f"\n{name}\n\n{figure.table(figures)}", flush=True)
        if arguments.keep:
            results.keep(name, figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
