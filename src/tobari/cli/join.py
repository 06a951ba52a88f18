"""`tobari join`: appraise a service by its invite, step by step, and remember it."""

from __future__ import annotations

from typing import Annotated

import typer

from tobari.cli import options, texts
from tobari.cli.options import Json
from tobari.cli.output import Output

app = options.application(texts.say("help.join"))


@app.command(
    help=texts.say("help.join")
    + """

    An invite pins the service's key, the appraisal policy and a first checkpoint. Get it over a channel that the
    operator does not control: whoever sends it is trusted for these.

    \b
    Example:
      tobari join 'http://127.0.0.1:8420/#tobari1…' --name lung-trial --key hospital-a
    """
)
def join(
    invite: Annotated[str, typer.Argument(metavar="INVITE", help="The URL that a member sent you.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What you call it. Default: the start of its id.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="NAME", help="Which of your keys signs what you send to it.")
    ] = None,
    json: Json = False,
) -> None:
    _join(Output(json=json), invite, name=name, key=key)


def _join(output: Output, text: str, *, name: str | None, key: str | None) -> None:
    from tobari.base import wire
    from tobari.cli import failures
    from tobari.cli.connection import show_warnings
    from tobari.cli.failures import Declined, local_input
    from tobari.cli.output import hexed
    from tobari.cli.steps import show_steps
    from tobari.client.invite import parse
    from tobari.client.profile import KnownService, Profile
    from tobari.client.session import Session
    from tobari.evidence.result import EvidenceRefused

    with local_input():
        invite = parse(text.strip())
    profile = Profile.default()
    signer = None if key is None else profile.key(key)
    name = name or invite.service.hex()[:8]
    try:
        with Session.join(invite, key=signer, trust=profile.trust) as session:
            result = session.attestation
    except EvidenceRefused as refused:
        show_warnings(output, refused.result.warnings)
        output.document(hexed(wire.to_builtins(refused.result)) | {"url": invite.url} | failures.document(refused))
        show_steps(output, wire.to_builtins(refused.result.steps))
        output.text(texts.say("refused"))
        raise Declined(refused) from None
    show_warnings(output, result.warnings)
    profile.save_service(name, KnownService.from_invite(invite, key=key))
    output.document(
        hexed(wire.to_builtins(result))
        | {"name": name, "url": invite.url, "service": invite.service.hex(), "vkey": invite.key.vkey}
    )
    show_steps(output, wire.to_builtins(result.steps))
    output.text(texts.say("join.done", name=name))
