"""The reference of the command line, read from the program: `python -m tests.tools.cli` writes docs/reference/cli.md.

Run it with TOBARI_LANG=en. What every command's own help says is taken as it is; what holds for all of them is written
here, once.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import typer.main

from tobari.cli.application import app

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "cli.md"
_WIDTH = 100

HEADER = """# The command line

Written by `python -m tests.tools.cli` from the program and its help; a test holds it current.

## What holds for every command

**Exit codes.** They are stable.

| code | meaning |
|---|---|
| 0 | good |
| 1 | refused: by the service, by a check, or because something that it needs is not there |
| 2 | usage: the command line itself is at fault |
| 3 | a file (or an invite) given to it is not what was expected |
| 130 | interrupted with Ctrl-C; what was sent already may have been carried out |

**Errors** are one line on stderr, `message [code]`; [error codes](errors.md) lists them. There are no tracebacks.

**`--json`** prints one JSON document on stdout in every case: the result, or `{"error": {code, message, status}}`.
Commands whose result says more than the error (`verify`, `join`, `call`, `doctor`) print it with `error` in it.
Warnings and progress go to stderr, with `--json` and without. Digests and ids are hexadecimal; bytes inside of a
command's value are spelled `hex:…`, as `tobari call` reads them. Usage errors have the code `cli.usage`.

**Warnings.** A service on the platform `virtual` is warned of first of all, by every command that talks to it.

**Language.** `TOBARI_LANG=ja`, or a `LANG` that begins with `ja`, switches warnings, summary lines and the help of the
top-level commands to Japanese. Error messages stay English, as their codes do.

**Files.** Keys, known services and the last checkpoints seen lie below `TOBARI_HOME` (default `~/.config/tobari`), for
their owner alone. A service's virtual root and, unless `--data` says otherwise, its data lie below
`$XDG_STATE_HOME/tobari` (default `~/.local/state/tobari`).

**Values** of `tobari call`, as `name=value`: integers of 64 bits, `true` and `false`, bytes as `hex:00ff`, otherwise
text as it stands. `name:=JSON` says everything else: `text:="5"`, `list:=[1, 2]`, `none:=null`.

**Verdicts** of `tobari verify`: `accepted`, `refused`, and for evidence without a policy `authentic`: then its platform
signed it, debug is off and it binds its claims, and nothing was decided about the machine or its code. `reason` is the
code of the step that failed, or `evidence.accepted`, `evidence.authentic`, `log.verified`, `receipt.verified`.
"""


def page() -> str:
    """The whole reference."""
    sections = [f"## {path}\n\n```\n{text}\n```\n" for path, text in helps()]
    return "\n".join([HEADER, *sections])


def helps() -> Iterator[tuple[str, str]]:
    """Every command with its help, in the order in which help lists them."""
    yield from _below(typer.main.get_command(app), "tobari")


def _below(command: Any, path: str) -> Iterator[tuple[str, str]]:
    context = command.context_class(command, info_name=path, terminal_width=_WIDTH, max_content_width=_WIDTH)
    lines = command.get_help(context).splitlines()
    yield path, "\n".join(line.rstrip() for line in lines)
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            yield from _below(command.get_command(context, name), f"{path} {name}")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
