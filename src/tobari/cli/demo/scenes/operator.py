"""What whoever runs the machine has: its disk, what passed its network, and the memory of its process, searched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tobari.base.errors import Unavailable
from tobari.cli.demo import lines
from tobari.cli.demo import needles as known
from tobari.cli.demo.answer import released
from tobari.cli.demo.cast import Cast, Release
from tobari.cli.demo.report import Report
from tobari.cli.demo.search import Findings, Needle, search_folder, search_memory, text

LEAST_MEMORY = 10_000_000
"""Bytes; a running host has more, so that less would mean that the search did not see it."""


def play(report: Report, cast: Cast, release: Release) -> list[Needle]:
    """The needles, for others to look for."""
    needles = known.of_all(cast, released(release.rows))
    report.scene("operator", needles=len(needles))
    _able(report, cast, needles)
    public = text("the log's name", cast.analyst.session.attested.key.name)
    where = {}
    data, wire = cast.service.data, cast.service.folder / "wire"
    for name, folder in (("disk", data), ("wire", wire)):
        findings = search_folder(folder, [*needles, public])
        where[name] = _shown(report, f"operator.{name}", findings, public, files=_files(folder))
    try:
        findings = search_memory(cast.service.pid, [*needles, public])
    except Unavailable as closed:
        report.check("operator.memory_closed", None, pid=cast.service.pid, message=closed.message)
    else:
        shown = _shown(report, "operator.memory", findings, public, pid=cast.service.pid)
        where["memory"] = shown and findings.bytes_read > LEAST_MEMORY
    report.check("operator.control", all(where.values()), places=", ".join(where))
    _planted(report, cast, needles)
    report.check("operator.enclave", None, pid=cast.service.enclave())
    return needles


def _able(report: Report, cast: Cast, needles: Sequence[Needle]) -> None:
    """The search finds what is there: all of it with its owners, and the rows in this process, which plays them."""
    owned = Findings()
    for actor in cast.members:
        owned.add(search_folder(actor.folder, needles))
    facts = {"found": len(owned.found), "needles": len(needles)}
    try:
        mine = search_memory(os.getpid(), needles).found
    except Unavailable:
        report.check("operator.able", None if len(owned.found) == len(needles) else False, memory="-", **facts)
        return
    report.check("operator.able", len(owned.found) == len(needles) == len(mine), memory=len(mine), **facts)


def _shown(report: Report, line: str, findings: Findings, public: Needle, **facts: object) -> bool:
    """Show that nothing but the public needle was found; whether that one was."""
    secret = [name for name in findings.found if name != public.name]
    found = ", ".join(secret) or lines.say("verdict.nothing")
    report.check(line, not secret, megabytes=round(findings.bytes_read / 1e6, 1), found=found, **facts)
    return public.name in findings.found


def _planted(report: Report, cast: Cast, needles: Sequence[Needle]) -> None:
    row = cast.trial.hospitals[0].csv().splitlines()[1]
    planted = cast.service.data / "planted"
    planted.write_text(row, "utf-8")
    try:
        found = search_folder(cast.service.data, needles).found
    finally:
        planted.unlink()
    places = {place for where in found.values() for place in where}
    report.check("operator.planted", places == {planted.name}, found=", ".join(sorted(found)))


def _files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))
