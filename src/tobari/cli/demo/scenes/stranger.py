"""Somebody who is no member and trusts nobody checks a copy of the log and a receipt, with the service down."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tobari.base import cbor
from tobari.cli.demo.cast import Actor, Cast, Release, refusal
from tobari.cli.demo.report import Report
from tobari.cli.demo.search import Needle, search_folder
from tobari.cli.demo.service import TOBARI, own_environment
from tobari.cli.failures import Exit
from tobari.client.http import Driver
from tobari.client.invite import Invite
from tobari.client.relay import fetch
from tobari.ledger.disclosure import commit
from tobari.ledger.entry import MAX_PUBLIC
from tobari.ledger.tiles import decode_bundle

_SECONDS = 30
_FROM_END = 20
"""Bytes from the end of the last leaf header, or of the last hash of a proof: well inside either."""


def play(report: Report, cast: Cast, invite: Invite, release: Release, needles: Sequence[Needle]) -> None:
    report.scene("stranger")
    stranger, anchor = cast.stranger, invite.key.vkey
    mirror = stranger.folder / "mirror"
    mirror.mkdir()
    receipt = stranger.folder / "question.tlog-proof"
    shutil.copyfile(cast.analyst.folder / receipt.name, receipt)

    code, said = _verify(stranger, "log", cast.tap.url, "--save", str(mirror), anchor=anchor)
    report.check("stranger.mirror", code == 0 and said.get("entries", 0) > 0, exit=code, entries=said.get("entries"))
    _offline(report, cast)
    entries = said["entries"]
    code, said = _verify(stranger, "log", str(mirror), anchor=anchor)
    report.check("stranger.log", code == 0 and said.get("entries") == entries, exit=code, entries=said.get("entries"))
    code, said = _verify(stranger, "receipt", str(receipt), anchor=anchor)
    as_asked = code == 0 and said.get("index") == release.asked.receipt.index
    report.check("stranger.receipt", as_asked, exit=code, entry=said.get("index"), cosigned=said.get("cosigned"))
    _release(report, mirror, release)
    findings = search_folder(mirror, needles)
    kilobytes = round(findings.bytes_read / 1000, 1)
    report.check("stranger.blind", not findings.found, needles=len(needles), kilobytes=kilobytes)
    _altered(report, stranger, mirror, receipt, anchor=anchor)


def _verify(stranger: Actor, what: str, *arguments: str, anchor: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document of `tobari verify`, run with an empty profile: the key is all it is told."""
    command = [*TOBARI, "verify", what, *arguments, "--service", anchor, "--json"]
    done = subprocess.run(  # noqa: S603  this program itself
        command, capture_output=True, env=own_environment(stranger.folder / "alone"), timeout=_SECONDS, check=False
    )
    try:
        said = json.loads(done.stdout)
    except ValueError:
        said = {}
    return done.returncode, said if isinstance(said, dict) else {}


def _offline(report: Report, cast: Cast) -> None:
    cast.leave()
    cast.service.stop()
    with Driver(cast.service.url) as driver:
        error = refusal(lambda: driver.run(fetch("/healthz", max_bytes=1024)))
    down = error is not None and error.code == "client.unreachable"
    said = ("it answers", "none") if error is None else (error.message, error.code)
    report.check("stranger.offline", down, message=said[0], code=said[1])


def _release(report: Report, mirror: Path, release: Release) -> None:
    """What the log says in the open of the analyst's answer, held against the answer itself."""
    got = hashlib.sha256(cbor.encode(release.kept["result"])).digest()
    result = commit(got, name="result", salt=release.kept["salt"])
    named = [(entry, shown) for entry, shown in _disclosed(mirror) if shown.get("result") == result]
    entry, shown = named[0] if named else (None, {})
    same = len(named) == 1 and shown.get("datasets") == release.kept["datasets"]
    facts = {"datasets": len(shown.get("datasets", [])), "terms": len(shown.get("terms", []))}
    report.check("stranger.release", same, entry=entry, **facts)


def _disclosed(mirror: Path) -> list[tuple[int, dict[str, Any]]]:
    """What programs disclosed, by entry, in a log of one bundle that was verified before."""
    (bundle,) = (path for path in (mirror / "tile" / "public").rglob("*") if path.is_file())
    bodies, _ = decode_bundle("public", bundle.read_bytes())
    shown = [cbor.decode(body, max_bytes=MAX_PUBLIC) if body else {} for body in bodies]
    return [(entry, body["disclosed"]) for entry, body in enumerate(shown) if "disclosed" in body]


def _altered(report: Report, stranger: Actor, mirror: Path, receipt: Path, *, anchor: str) -> None:
    """A check that cannot fail shows nothing: the same commands on altered copies."""
    copy = stranger.folder / "altered"
    shutil.copytree(mirror, copy)
    bundle = next(path for path in sorted((copy / "tile" / "entries").rglob("*")) if path.is_file())
    _change(bundle, at=bundle.stat().st_size - _FROM_END)
    said = _verify(stranger, "log", str(copy), anchor=anchor)
    _refused(report, "stranger.altered_log", said, code="ledger.altered")
    forged = stranger.folder / "altered.tlog-proof"
    shutil.copyfile(receipt, forged)
    _change(forged, at=receipt.read_bytes().index(b"\n\n") - _FROM_END)
    said = _verify(stranger, "receipt", str(forged), anchor=anchor)
    _refused(report, "stranger.altered_receipt", said, code="ledger.inclusion")


def _change(path: Path, *, at: int) -> None:
    """Put another byte there: one that base64 has, too."""
    data = bytearray(path.read_bytes())
    data[at] = ord("B") if data[at] == ord("A") else ord("A")
    path.write_bytes(data)


def _refused(report: Report, line: str, said: tuple[int, dict[str, Any]], *, code: str) -> None:
    exit_code, document = said
    error = document.get("error") or {"code": "none", "message": "it was accepted"}
    as_wished = exit_code == Exit.REFUSED and error["code"] == code
    report.check(line, as_wished, exit=exit_code, message=error["message"], code=error["code"])
