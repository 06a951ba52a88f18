"""`tobari room describe|query|releases|release|cancel`: an analyst's side of a data room."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from tobari.cli import options, texts
from tobari.cli.options import Json, KeyName, ReceiptFile, ServiceName
from tobari.cli.output import Output

app = options.application(
    texts.say("help.room")
    + """

    \b
    Example:
      tobari room describe trial
      tobari room releases trial
    """
)

_Room = Annotated[str, typer.Argument(metavar="ROOM", help="The room's name.")]
_Form = Annotated[Literal["table", "csv", "json"], typer.Option("--output", help="How the rows are printed.")]
_Id = Annotated[Any, typer.Argument(metavar="ID", parser=options.hexadecimal, help="In hexadecimal.")]


@app.command()
def describe(room: _Room, service: ServiceName = None, key: KeyName = None, json: Json = False) -> None:
    """Show what may be asked: columns, types, uses, minimum groups, owner by owner.

    \b
    Example:
      tobari room describe trial
    """
    from tobari.cli.questions import describe_room

    describe_room(Output(json=json), room, service=service, key=key)


@app.command()
def query(
    room: _Room,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A SELECT over the table `room`.")],
    form: _Form = "table",
    receipt: ReceiptFile = None,
    service: ServiceName = None,
    key: KeyName = None,
    json: Json = False,
) -> None:
    """Ask a question, wait for the release, and print its rows. The same question again costs nothing.

    \b
    Example:
      tobari room query trial "SELECT sex, AVG(time_days) AS days FROM room GROUP BY sex" --output csv
    """
    from tobari.cli.questions import ask

    ask(Output(json=json or form == "json"), room, sql, form=form, receipt=receipt, service=service, key=key)


@app.command()
def releases(room: _Room, service: ServiceName = None, key: KeyName = None, json: Json = False) -> None:
    """List the releases that you may have, and those made of your data.

    \b
    Example:
      tobari room releases trial
    """
    from tobari.cli.questions import list_releases

    list_releases(Output(json=json), room, service=service, key=key)


@app.command()
def release(
    release: _Id, form: _Form = "table", service: ServiceName = None, key: KeyName = None, json: Json = False
) -> None:
    """Fetch a release again, by its id.

    \b
    Example:
      tobari room release 5c1e… --output csv
    """
    from tobari.cli.questions import fetch_release

    fetch_release(Output(json=json or form == "json"), release, form=form, service=service, key=key)


@app.command()
def cancel(job: _Id, service: ServiceName = None, key: KeyName = None, json: Json = False) -> None:
    """Give up a job of yours, by its id.

    \b
    Example:
      tobari room cancel 0f2c…
    """
    from tobari.cli.questions import cancel_job

    cancel_job(Output(json=json), job, service=service, key=key)
