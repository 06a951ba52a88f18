"""`tobari demo`: the scenes in their order, and what is left of them at the end."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from tobari.base.errors import Conflict, TobariError
from tobari.cli.demo import consortium, lines
from tobari.cli.demo.cast import SERVICE, Actor, Cast
from tobari.cli.demo.report import Report
from tobari.cli.demo.scenes import analyst, data, evidence, operator, owners, refusals, restart, stranger
from tobari.cli.failures import Exit
from tobari.cli.output import Output
from tobari.client.invite import Invite


def run(*, stay: bool, json: bool, keep: Path | None) -> int:
    """Play all scenes; the exit code of the command: 0 if every check held, else 1.

    Args:
        stay: leave the service up until Ctrl-C, when all is shown.
        keep: leave everybody's files there, in a folder that is new or empty.

    Raises:
        Conflict: `demo.folder`, there is something in the folder to keep.
    """
    output = Output(json=json)
    report = Report(output)
    with _terminable(), _folder(keep) as folder:
        try:
            _play(report, folder, stay=stay)
        except TobariError as error:
            output.document(report.ended(error))
            output.warn(str(error))
            return Exit.REFUSED
        if keep is not None:
            output.warn(lines.say("end.kept", folder=folder))
    return Exit.GOOD


def _play(report: Report, folder: Path, *, stay: bool) -> None:
    cast = Cast.assemble(folder, data.play(report))
    with contextlib.ExitStack() as open_things:
        open_things.enter_context(cast.service)
        open_things.enter_context(cast.tap)
        open_things.callback(cast.leave)
        invite = evidence.play(report, cast)
        owners.play(report, cast)
        release = analyst.play(report, cast)
        refusals.play(report, cast, invite, release)
        needles = operator.play(report, cast, release)
        restart.play(report, cast, invite, release)
        stranger.play(report, cast, invite, release, needles)
        report.end()
        if stay:
            _stay(report, cast, invite)


def _stay(report: Report, cast: Cast, invite: Invite) -> None:
    """Serve on, and say what can be tried meanwhile."""
    cast.start_service()
    report.output.warn("", lines.say("stay.running", url=cast.service.url), *_to_try(cast, invite))
    with contextlib.suppress(KeyboardInterrupt):
        cast.service.wait()


def _to_try(cast: Cast, invite: Invite) -> list[str]:
    """Commands as a shell takes them."""
    tobari = Path(sys.executable).with_name("tobari")
    command = str(tobari) if tobari.exists() else tobari.name

    def line(actor: Actor, *words: str) -> str:
        return f"  TOBARI_HOME={shlex.quote(str(actor.profile.home))} {shlex.join([command, *words])}"

    return [
        line(cast.analyst, "room", "describe", consortium.ROOM),
        line(cast.analyst, "room", "query", consortium.ROOM, "SELECT sex, AVG(age) AS age FROM room GROUP BY sex"),
        line(cast.hospitals[0], "room", "releases", consortium.ROOM),
        line(cast.stranger, "verify", "log", cast.service.url, "--service", invite.key.vkey),
        line(cast.stranger, "join", invite.encode(), "--name", SERVICE),
    ]


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where everybody's folders are: removed at the end, unless it is to be kept."""
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="tobari-demo-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise Conflict("demo.folder", f"There is something at {keep} already: name a folder that is new or empty.")
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield keep.resolve()


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: what it started is stopped, what it wrote is removed."""

    def end(number: int, _: object) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
