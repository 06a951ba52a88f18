"""`tobari verify evidence|log|receipt`: what a stranger can check alone, with no service running and none trusted.

Nothing here loads `tobari.enclave` or `tobari.host`. The three commands read their arguments here and do their work in
the module of their name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tobari.cli import options, texts
from tobari.cli.options import Anchor, Json
from tobari.cli.output import Output

app = options.application(
    texts.say("help.verify")
    + """

    \b
    Example:
      tobari verify evidence evidence.cbor --policy policy.toml --at 2027-01-15T08:00:00Z
      tobari verify log https://tobari.example --service lung-trial --save mirror/
      tobari verify receipt transfer.tlog-proof --service lung-trial
    """
)

_Time = Annotated[
    Any,
    typer.Option(
        "--at", metavar="TIME", parser=options.rfc3339, help="Judge as of this time (RFC 3339); without it: now."
    ),
]
_Nonce = Annotated[
    Any,
    typer.Option("--nonce", metavar="HEX", parser=options.hexadecimal, help="The nonce that you had sent, if any."),
]


@app.command()
def evidence(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Evidence as CBOR, hex, base64 or JSON.")],
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Appraisal policy (TOML): whom and what to trust.")
    ] = None,
    service: Annotated[
        str | None, typer.Option("--service", metavar="NAME", help="The policy with which you joined that service.")
    ] = None,
    at: _Time = None,
    nonce: _Nonce = None,
    json: Json = False,
) -> None:
    """Verify a machine's evidence and appraise it step by step.

    Without a policy only authenticity is checked: that the platform's root signed the report, that debug is off, and
    that the report binds the claims. That says nothing about whether to trust the machine or its code.

    \b
    Example:
      tobari verify evidence evidence.cbor --policy policy.toml --json
    """
    from tobari.cli.verify.evidence import verify_evidence

    if policy is not None and service is not None:
        raise typer.BadParameter("a policy is given already, with --policy", param_hint="--service")
    verify_evidence(Output(json=json), file, policy=policy, service=service, at=at, nonce=nonce)


@app.command()
def log(
    source: Annotated[str, typer.Argument(metavar="DIR|URL", help="A mirrored log, or the address of a service.")],
    service: Anchor = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="DIR", help="Mirror the log there, once it holds.")
    ] = None,
    json: Json = False,
) -> None:
    """Verify a whole log: every entry is there, unaltered, in order, under one signed root.

    Of a known service, it must also begin with the log of the last checkpoint that you saw.

    \b
    Example:
      tobari verify log https://tobari.example --service lung-trial --save mirror/
    """
    from tobari.cli.verify.log import verify_log
    from tobari.client.log_files import is_address

    if is_address(source):
        source = options.address(source)

    verify_log(Output(json=json), source, service=service, save=save)


@app.command()
def receipt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A receipt (.tlog-proof).")],
    service: Anchor = None,
    json: Json = False,
) -> None:
    """Verify a receipt: the service's log holds this entry, with these claims.

    \b
    Example:
      tobari verify receipt transfer.tlog-proof --service lung-trial
    """
    from tobari.cli.verify.receipt import verify_receipt

    verify_receipt(Output(json=json), file, service=service)
