"""`make fuzz`: what `make test` does in seconds, for longer, and every target under atheris.

1. The dialogue, hostile clients and schemathesis, with more examples and 10,000 connections.
2. Each target in a process of its own with little memory. What it raises, takes too long for or needs too much memory
   for is written below `build/fuzz/`.

Exit code 1 if anything was found. Keep such an input in `tests/fuzz/corpus` under a name that says what it broke:
`make test` replays it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from tests.fuzz import corpus

ROOT = corpus.HERE.parents[1]
BUILD = ROOT / "build" / "fuzz"
MAX_INPUT = 4 << 10
MEMORY_MIB = 2048
SECONDS_EACH = 10
"""For one input; then it counts as one that hangs."""
LONG = {"TOBARI_FUZZ_EXAMPLES": "1000", "TOBARI_FUZZ_SCALE": "7"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description="Fuzz the decoders, the session and a node.")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", help=f"only these, of {', '.join(corpus.TARGETS)}")
    options = parser.parse_args()
    failed = [] if options.targets else [name for name in ("dialogue", "hostile_clients", "openapi") if not test(name)]
    failed += [name for name in options.targets or corpus.TARGETS if not fuzz(name, seconds=options.seconds)]
    if failed:
        print(f"found something in: {', '.join(failed)}; inputs of targets are below {BUILD}", file=sys.stderr)
    return 1 if failed else 0


def test(name: str) -> bool:
    """Whether the long form of one of the tests passes."""
    print(f"--- {name}", flush=True)
    command = [sys.executable, "-m", "pytest", f"tests/fuzz/test_{name}.py"]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **LONG}, check=False).returncode == 0


def fuzz(target: str, *, seconds: int) -> bool:
    """Whether atheris found nothing."""
    grown = BUILD / target / "corpus"
    grown.mkdir(parents=True, exist_ok=True)
    print(f"--- {target}, {seconds} s", flush=True)
    command = [sys.executable, "-m", "tests.fuzz.libfuzzer", target]
    command += [f"-max_total_time={seconds}", f"-max_len={MAX_INPUT}", f"-timeout={SECONDS_EACH}"]
    command += [f"-rss_limit_mb={MEMORY_MIB}", f"-artifact_prefix={BUILD / target}/", "-verbosity=0"]
    command += ["-print_final_stats=1", str(grown), str(corpus.FOLDER / target)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
