"""What the terms do not allow, asked by the analyst, by a member who is no recipient, and by a stranger."""

from __future__ import annotations

from typing import Any

from tobari.base.errors import TobariError
from tobari.cli.demo import consortium
from tobari.cli.demo.answer import QUESTION
from tobari.cli.demo.cast import Cast, Release, refusal
from tobari.cli.demo.report import Report
from tobari.client.invite import Invite

RARE = "3"
ABSENT = "4"
"""Performance scores that one patient of the trial has, and that none has."""


def play(report: Report, cast: Cast, invite: Invite, release: Release) -> None:
    report.scene("refusals")
    _columns(report, cast)
    _small_group(report, cast)
    _member(report, cast, release)
    stranger = cast.stranger.join(invite, via=cast.tap.url)
    error = refusal(lambda: stranger.call("room", "run", _question(QUESTION)))
    report.check("refused.stranger", error is not None and error.code == "command.foreign_key", **_facts(error))


def _columns(report: Report, cast: Cast) -> None:
    ask = cast.analyst.ask
    error = refusal(lambda: ask(consortium.ROOM, "SELECT sex, AVG(ph_karno) AS mean FROM room GROUP BY sex"))
    said = "" if error is None else error.message
    named = "ph_karno" in said and "no rule" in said and all(owner in said for owner in consortium.HOSPITALS)
    as_wished = error is not None and error.code == "query.column_not_allowed" and named
    report.check("refused.column", as_wished, **_facts(error))

    error = refusal(lambda: ask(consortium.ROOM, "SELECT patient, AVG(time_days) AS days FROM room GROUP BY patient"))
    report.check("refused.row", error is not None and error.code == "query.group_use", **_facts(error))


def _small_group(report: Report, cast: Cast) -> None:
    """One patient and nobody look the same."""
    cells = {}
    for score in (RARE, ABSENT):
        sql = f"SELECT sex, COUNT(*) AS patients FROM room WHERE ph_ecog = {score} GROUP BY sex"  # noqa: S608
        cells[score] = cast.analyst.ask(consortium.ROOM, sql).kept["result"]
    patients = sum(patient.ph_ecog == RARE for patient in cast.trial.patients)
    nobody = not any(patient.ph_ecog == ABSENT for patient in cast.trial.patients)
    as_wished = patients == 1 and nobody and cells[RARE] == cells[ABSENT] and cells[RARE]["rows"] == []
    found = len(cells[RARE]["rows"])
    report.check("refused.small", as_wished, patients=patients, cells=found, absent=ABSENT)


def _member(report: Report, cast: Cast, release: Release) -> None:
    nosy = next(actor for actor in cast.hospitals if actor.name == consortium.NOSY)
    error = refusal(lambda: nosy.session.call("room", "run", _question(QUESTION)))
    as_wished = error is not None and error.code == "terms.recipient" and nosy.name in error.message
    report.check("refused.recipient", as_wished, member=nosy.name, **_facts(error))
    error = refusal(lambda: nosy.release(release.id))
    as_wished = error is not None and error.code == "room.release"
    report.check("refused.release", as_wished, member=nosy.name, **_facts(error))


def _question(sql: str) -> dict[str, Any]:
    return {"room": consortium.ROOM, "sql": sql}


def _facts(error: TobariError | None) -> dict[str, str]:
    if error is None:
        return {"message": "it went through", "code": "none"}
    return {"message": error.message, "code": error.code}
