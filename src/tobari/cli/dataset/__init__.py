"""`tobari dataset check|contribute|withdraw`: an owner's side of a data room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tobari.cli import options, texts
from tobari.cli.options import Json, KeyName, ServiceName
from tobari.cli.output import Output

app = options.application(
    texts.say("help.dataset")
    + """

    \b
    Example:
      tobari dataset check records.csv --terms terms.toml
      tobari dataset contribute records.csv --terms terms.toml --service lung-trial --key hospital-a
    """
)

_File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV (UTF-8, with a header), Parquet or Arrow.")]
_Terms = Annotated[Path, typer.Option("--terms", metavar="FILE", help="Your data terms (TOML).")]


@app.command()
def check(file: _File, terms: _Terms, json: Json = False) -> None:
    """Read a file under its terms, here and without sending anything.

    It counts rows, entities, cells that do not hold their column's type, and groups smaller than the terms allow.

    \b
    Example:
      tobari dataset check records.csv --terms terms.toml
    """
    from tobari.cli.dataset.check import check_dataset

    check_dataset(Output(json=json), file, terms=terms)


@app.command()
def contribute(
    file: _File,
    terms: _Terms,
    service: ServiceName = None,
    key: KeyName = None,
    room: Annotated[
        str | None, typer.Option("--room", metavar="ROOM", help="Sign the terms for this room, not the one they name.")
    ] = None,
    json: Json = False,
) -> None:
    """Seal a file here, upload it, and hand it in under terms that you sign.

    \b
    Example:
      tobari dataset contribute records.csv --terms terms.toml --service lung-trial --key hospital-a
    """
    from tobari.cli.dataset.contribute import contribute_dataset

    contribute_dataset(Output(json=json), file, terms=terms, room=room, service=service, key=key)


@app.command()
def withdraw(
    dataset: Annotated[
        Any, typer.Argument(metavar="ID", parser=options.hexadecimal, help="The dataset's id, in hexadecimal.")
    ],
    service: ServiceName = None,
    key: KeyName = None,
    json: Json = False,
) -> None:
    """Stop every new use of a dataset of yours, and have its data key destroyed.

    \b
    Example:
      tobari dataset withdraw 0f2c… --service lung-trial --key hospital-a
    """
    from tobari.cli.dataset.contribute import withdraw_dataset

    withdraw_dataset(Output(json=json), dataset, service=service, key=key)
