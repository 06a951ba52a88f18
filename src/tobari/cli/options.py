"""Arguments and options that several commands share, each spelled and explained once."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ServiceName = Annotated[
    str | None,
    typer.Option("--service", metavar="NAME", help="Which known service; without it the one that was joined first."),
]
KeyName = Annotated[
    str | None,
    typer.Option("--key", metavar="NAME", help="Which of your keys signs; without it the one named when joining."),
]
Anchor = Annotated[
    str | None,
    typer.Option(
        "--service",
        metavar="NAME|VKEY",
        help="Whose log it must be: a known service, or a verifier key (name+id+base64).",
    ),
]


def place(path: Path | None) -> Path | None:
    """A file that can be made, seen before anything is signed.

    Raises:
        typer.BadParameter: it is a folder, or its folder is missing or not writable.
    """
    if path is None:
        return None
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"the folder of {path} does not exist")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"the folder of {path} is not writable")
    return path


ReceiptFile = Annotated[
    Path | None, typer.Option("--receipt", metavar="FILE", callback=place, help="Save the receipt there.")
]


def rfc3339(text: str) -> int:
    """Milliseconds since 1970 of a time such as 2027-01-15T08:00:00Z.

    Raises:
        typer.BadParameter: no such time, or no offset.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write the time like 2027-01-15T08:00:00Z") from None
    if time.tzinfo is None:
        raise typer.BadParameter("the time needs its offset, like the Z of 2027-01-15T08:00:00Z")
    return round(time.timestamp() * 1000)


def address(text: str) -> str:
    """The address of a service, in its one spelling.

    Raises:
        typer.BadParameter: no such address.
    """
    from tobari.base.errors import Malformed
    from tobari.client.address import normalise

    try:
        return normalise(text)
    except Malformed as error:
        raise typer.BadParameter(error.message) from None


def hexadecimal(text: str) -> bytes:
    """
    Raises:
        typer.BadParameter: not hexadecimal.
    """
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text):
        raise typer.BadParameter("write the bytes in hexadecimal, two digits each")
    return bytes.fromhex(text)


def application(help: str) -> typer.Typer:  # noqa: A002  typer's own word
    """A typer application as this house makes them: plain help, no completion scripts, no tracebacks of its own."""
    return typer.Typer(
        help=help, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )
