"""The trial's data and its three owners."""

from __future__ import annotations

from tobari.cli.demo import trial
from tobari.cli.demo.report import Report
from tobari.cli.demo.trial import Trial


def play(report: Report) -> Trial:
    """The trial, split."""
    report.scene("data")
    lung = trial.load()
    report.check(
        "data.file",
        lung.intact,
        patients=len(lung.patients),
        file=trial.FILE,
        package=trial.PACKAGE,
        version=lung.version,
        licence=lung.licence,
    )
    held = sorted(patient.id for hospital in lung.hospitals for patient in hospital.patients)
    report.check(
        "data.split",
        held == [patient.id for patient in lung.patients],
        sizes=", ".join(f"{hospital.name} {len(hospital.patients)}" for hospital in lung.hospitals),
        without=lung.without_institution,
    )
    return lung
