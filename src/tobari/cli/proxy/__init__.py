"""`tobari proxy`: its arguments. Why it exists, and stands here, is in docs/adr/0005-proxy.md."""

from __future__ import annotations

import ipaddress
from typing import Annotated

import typer

from tobari.cli import options, texts
from tobari.cli.options import Json, KeyName, ServiceName
from tobari.cli.output import Output

app = options.application(texts.say("help.proxy"))


def loopback(text: str) -> str:
    """
    Raises:
        typer.BadParameter: not an address of this machine's own loopback.
    """
    try:
        if ipaddress.ip_address(text).is_loopback:
            return text
    except ValueError:
        pass
    raise typer.BadParameter("the proxy speaks plain text, so it listens on loopback only: 127.0.0.1 or ::1")


@app.command(
    help=texts.say("help.proxy")
    + """

    It appraises the service, signs with your key, seals, and checks the receipts; programs on this machine talk plain
    JSON to it (docs/howto/use-from-anything.md). It prints a token; whoever has it acts as you until the proxy stops.

    \b
    Example:
      tobari proxy --service lung-trial --key statistician --port 8430
    """
)
def proxy(
    service: ServiceName = None,
    key: KeyName = None,
    address: Annotated[
        str, typer.Option(metavar="IP", parser=loopback, help="Loopback address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    json: Json = False,
) -> None:
    from tobari.cli.proxy.run import run

    run(Output(json=json), service, key, address=address, port=port)
