"""The typer application of `tobari`: its name, its version, and the root that finds everything else."""

from __future__ import annotations

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
