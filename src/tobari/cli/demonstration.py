"""`tobari demo`: its arguments. What it shows is in `tobari.cli.demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tobari.cli import options, texts
from tobari.cli.options import Json

app = options.application(texts.say("help.demo"))


@app.command(
    help=texts.say("help.demo")
    + """

    Three hospitals, an analyst, an operator and a stranger, on one machine and on real data. Every line is the outcome
    of a check; the first that fails ends it with exit code 1.

    \b
    Example:
      tobari demo --keep ./demo
    """
)
def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Leave the service running at the end, until Ctrl-C.")] = False,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep all files there: evidence, log, receipts.")
    ] = None,
    json: Json = False,
) -> None:
    from tobari.cli.demo.run import run

    raise typer.Exit(run(stay=stay, json=json, keep=keep))
