"""The `tobari` command: its name, its version, and the root that finds everything else (docs/reference/cli.md)."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Annotated

import typer

from tobari import __version__
from tobari.cli import texts
from tobari.cli.root import Root

app = typer.Typer(
    name="tobari",
    cls=Root,
    help=texts.say("tobari"),
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"tobari {__version__}")
        raise typer.Exit


@app.callback()
def tobari(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """The options of every command come after its name."""


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character gets its number instead of ending the program.
        with contextlib.suppress(io.UnsupportedOperation):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
    app(prog_name="tobari")


if __name__ == "__main__":
    main()
