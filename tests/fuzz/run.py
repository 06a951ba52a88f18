"""`make fuzz`: every target under atheris for a while, each in a process of its own with little memory.

What a target raises, takes too long for or needs too much memory for is written below `build/fuzz/`, and ends this with
exit code 1. Keep such an input in `tests/fuzz/corpus` under a name that says what it broke: `make test` replays it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.fuzz import corpus

BUILD = corpus.HERE.parents[1] / "build" / "fuzz"
MAX_INPUT = 4 << 10
MEMORY_MIB = 2048
SECONDS_EACH = 10
"""For one input; then it counts as one that hangs."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the decoders.")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", default=corpus.TARGETS, help=f"of {', '.join(corpus.TARGETS)}")
    options = parser.parse_args()
    failed = [target for target in options.targets if not fuzz(target, seconds=options.seconds)]
    if failed:
        print(f"found something in: {', '.join(failed)}; the inputs are below {BUILD}", file=sys.stderr)
    return 1 if failed else 0


def fuzz(target: str, *, seconds: int) -> bool:
    """Whether nothing was found."""
    grown = BUILD / target / "corpus"
    grown.mkdir(parents=True, exist_ok=True)
    print(f"--- {target}, {seconds} s", flush=True)
    command = [sys.executable, "-m", "tests.fuzz.libfuzzer", target]
    command += [f"-max_total_time={seconds}", f"-max_len={MAX_INPUT}", f"-timeout={SECONDS_EACH}"]
    command += [f"-rss_limit_mb={MEMORY_MIB}", f"-artifact_prefix={BUILD / target}/", "-print_final_stats=1"]
    return subprocess.run([*command, str(grown), str(corpus.FOLDER / target)], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
