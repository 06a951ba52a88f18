"""The kept corpus: a folder of small files for each target. `python -m tests.fuzz.corpus` writes what is missing.

A file is a seed that its target makes (`seeds`), or an input that once broke something, with a name that says what.
"""

from __future__ import annotations

import importlib
import pathlib
from collections.abc import Callable
from typing import Protocol, cast

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "corpus"
MAX_FILE = 4 << 10
"""Bytes of one file."""
MAX_FILES = 24
"""Files of one target."""
TARGETS = sorted(path.stem for path in (HERE / "targets").glob("*.py"))


class Target(Protocol):
    run: Callable[[bytes], None]
    """Takes any bytes. What it raises is a fault that was found."""
    seeds: Callable[[], dict[str, bytes]]


def load(name: str) -> Target:
    return cast(Target, importlib.import_module(f"tests.fuzz.targets.{name}"))


def files(target: str) -> list[pathlib.Path]:
    return sorted(path for path in (FOLDER / target).iterdir() if path.is_file())


def replay(target: str) -> int:
    """Run a target over its files; how many there are."""
    run, found = load(target).run, files(target)
    for path in found:
        try:
            run(path.read_bytes())
        except BaseException as error:
            error.add_note(f"input: {path}")
            raise
    return len(found)


def write() -> None:
    for target in TARGETS:
        (FOLDER / target).mkdir(parents=True, exist_ok=True)
        for name, data in load(target).seeds().items():
            path = FOLDER / target / name
            if not path.exists():
                path.write_bytes(data)


if __name__ == "__main__":
    write()
