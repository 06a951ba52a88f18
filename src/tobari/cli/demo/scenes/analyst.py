"""The analyst asks: each hospital alone, all three together, and once more in another spelling."""

from __future__ import annotations

import json

from tobari.cli.demo import consortium
from tobari.cli.demo.answer import MIN_GROUP, QUESTION, Cell, plain, released
from tobari.cli.demo.cast import Cast, Release
from tobari.cli.demo.report import Report
from tobari.client.receipts import save_receipt, verify_receipt

RESPELLED = QUESTION.lower().replace(" from ", "\n  from /* the same room */ ")


def play(report: Report, cast: Cast) -> Release:
    """The joint release."""
    report.scene("analyst", least=MIN_GROUP)
    truth = plain(cast.trial.patients, min_group=MIN_GROUP)
    for hospital in cast.trial.hospitals:
        alone = released(cast.analyst.ask(consortium.room_alone(hospital.name), QUESTION).rows)
        as_expected = alone == plain(hospital.patients, min_group=MIN_GROUP) and len(alone) < len(truth)
        report.check("analyst.alone", as_expected, hospital=hospital.name, cells=len(alone), all=len(truth))

    release = cast.analyst.ask(consortium.ROOM, QUESTION)
    joint = released(release.rows)
    total = sum(cell.patients for cell in joint)
    report.check("analyst.joint", len(joint) == len(truth), cells=len(joint), patients=total)
    report.table(Cell._fields, joint)
    everybody = len(cast.trial.patients)
    report.check("analyst.truth", joint == truth, patients=everybody, left_out=everybody - total)
    cast.analyst.keep("answer.json", json.dumps([cell._asdict() for cell in joint], indent=2).encode())
    cast.analyst.keep("question.sql", QUESTION.encode())
    _receipt(report, cast, release)
    again = cast.analyst.session.call("room", "run", {"room": consortium.ROOM, "sql": RESPELLED}).value
    report.check("analyst.again", again == {"release": release.id, "job": None})
    return release


def _receipt(report: Report, cast: Cast, release: Release) -> None:
    receipt = release.asked.receipt
    save_receipt(cast.analyst.folder / "question.tlog-proof", receipt)
    proven = verify_receipt(receipt, key=cast.analyst.session.attested.key)
    report.check("analyst.receipt", proven.status == "COMMITTED", entry=proven.index, cosigned=proven.cosigned)
