"""`tobari join`: appraise a service by its invite, step by step, and remember it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tobari.cli import options, texts
from tobari.cli.options import Json
from tobari.cli.output import Output

if TYPE_CHECKING:
    from tobari.client.difference import Difference
    from tobari.client.invite import Invite
    from tobari.client.profile import KnownService

app = options.application(texts.say("help.join"))


@app.command(
    help=texts.say("help.join")
    + """

    An invite pins the service's key, the appraisal policy and a first checkpoint. Get it over a channel that the
    operator does not control: whoever sends it is trusted for these. A service that you know keeps the policy that you
    accepted: an invite with another one is refused, and the differences are shown.

    \b
    Example:
      tobari join 'http://127.0.0.1:8420/#tobari1…' --name lung-trial --key hospital-a --genesis genesis.toml
    """
)
def join(
    invite: Annotated[str, typer.Argument(metavar="INVITE", help="The URL that a member sent you.")],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="What you call it. Default: as before, or the start of its id."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="NAME", help="Which of your keys signs what you send to it.")
    ] = None,
    genesis: Annotated[
        Path | None,
        typer.Option("--genesis", metavar="FILE", help="Your copy of the genesis file: the service must be of it."),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Accept another policy for a service that you know: compare first."),
    ] = False,
    json: Json = False,
) -> None:
    _join(Output(json=json), invite, name=name, key=key, genesis=genesis, replace=replace)


def _join(output: Output, text: str, *, name: str | None, key: str | None, genesis: Path | None, replace: bool) -> None:
    from tobari.base import wire
    from tobari.base.errors import Untrusted
    from tobari.cli import failures
    from tobari.cli.connection import show_warnings
    from tobari.cli.output import hexed
    from tobari.cli.steps import show_steps
    from tobari.client.profile import KnownService, Profile
    from tobari.client.session import Session
    from tobari.evidence.result import EvidenceRefused

    invite = _read(text, genesis)
    profile = Profile.default()
    held = profile.held(invite.service)
    name = name or next(iter(profile.names_of(invite.service)), invite.service.hex()[:8])
    key = key or (None if held is None else held.key)
    signer = None if key is None else profile.key(key)
    changes = [] if held is None else _changes(held, invite)
    _show_changes(output, changes)
    about: dict[str, Any] = {"url": invite.url, "differences": wire.to_builtins(changes)}
    try:
        with Session.join(invite, key=signer, profile=profile, replace=replace) as session:
            result = session.attestation
    except Untrusted as refused:
        if isinstance(refused, EvidenceRefused):
            show_warnings(output, refused.result.warnings)
            show_steps(output, wire.to_builtins(refused.result.steps))
            about = hexed(wire.to_builtins(refused.result)) | about
        output.document(about | failures.document(refused))
        output.text(texts.say("refused"))
        raise failures.Declined(refused) from None
    show_warnings(output, result.warnings)
    profile.save_service(name, KnownService.from_invite(invite, key=key), replace=replace)
    assert result.claims is not None
    configuration = result.claims.configuration.hex()
    about |= {"name": name, "service": invite.service.hex(), "vkey": invite.key.vkey, "configuration": configuration}
    output.document(hexed(wire.to_builtins(result)) | about)
    show_steps(output, wire.to_builtins(result.steps))
    output.text(
        texts.say("join.configuration" if genesis is None else "join.genesis", configuration=configuration),
        texts.say("join.done", name=name),
    )


def _read(text: str, genesis: Path | None) -> Invite:
    """The invite; with a copy of the genesis file, to a service of that configuration alone."""
    from tobari.base.messages.genesis import MAX_GENESIS, from_toml
    from tobari.cli import files
    from tobari.cli.failures import local_input
    from tobari.client.invite import parse

    with local_input():
        invite = parse(text.strip())
        if genesis is None:
            return invite
        configuration = from_toml(files.read_text(genesis, limit=MAX_GENESIS)).encode()
    return invite.narrowed(hashlib.sha256(configuration).digest())


def _changes(held: KnownService, invite: Invite) -> list[Difference]:
    """What the invite says of a known service otherwise than what was accepted."""
    from tobari.client.difference import Difference, differences

    found = differences(held.appraisal_policy, invite.policy)
    if held.url != invite.url:
        found.append(Difference(what="url", held=held.url, offered=invite.url))
    return found


def _show_changes(output: Output, changes: list[Difference]) -> None:
    """On stderr: they are shown whatever becomes of the invite."""
    if changes:
        output.warn(texts.say("join.differs"))
    for change in changes:
        shown = (value or texts.say("join.unpinned") for value in (change.held, change.offered))
        output.warn(f"  {change.what}", *(f"    {sign} {value}" for sign, value in zip("-+", shown, strict=True)))
