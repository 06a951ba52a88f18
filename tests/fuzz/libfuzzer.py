"""One target under atheris, as `make fuzz` starts it: `python -m tests.fuzz.libfuzzer TARGET [options] FOLDER ...`."""

from __future__ import annotations

import sys

import atheris

from tests.fuzz import corpus


def main() -> None:
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["tobari", "tomllib"], enable_loader_override=False):
        target = corpus.load(name)
    atheris.Setup(sys.argv, target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
