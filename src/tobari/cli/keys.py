"""`tobari keys new|list|show`: the keys that sign commands and data terms. Secrets are never printed."""

from __future__ import annotations

from typing import Annotated

import typer

from tobari.cli import options, texts
from tobari.cli.options import Json
from tobari.cli.output import Output

app = options.application(
    texts.say("help.keys")
    + """

    \b
    Example:
      tobari keys new hospital-a
      tobari keys show hospital-a
    """
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="a-z, 0-9, dots and hyphens.")]


@app.command()
def new(name: _Name, json: Json = False) -> None:
    """Make a key and print its public half, as it stands in a genesis file.

    \b
    Example:
      tobari keys new hospital-a
    """
    from tobari.client.profile import Profile

    _print(Output(json=json), name, Profile.default().create_key(name).public.raw)


@app.command()
def show(name: _Name, json: Json = False) -> None:
    """Print a key's public half.

    \b
    Example:
      tobari keys show hospital-a
    """
    from tobari.client.profile import Profile

    _print(Output(json=json), name, Profile.default().key(name).public.raw)


@app.command("list")
def list_keys(json: Json = False) -> None:
    """List your keys and their public halves.

    \b
    Example:
      tobari keys list
    """
    from tobari.client.profile import Profile

    output, profile = Output(json=json), Profile.default()
    names = profile.keys()
    found = {name: profile.key(name).public.raw.hex() for name in names}
    output.document({"keys": [{"name": name, "public": public} for name, public in found.items()]})
    output.facts(found)


def _print(output: Output, name: str, public: bytes) -> None:
    output.document({"name": name, "public": public.hex()})
    output.text(public.hex())
