"""The question of the demo, its answer as a service releases it, and the same answer worked out in plain Python."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import Any, NamedTuple

from tobari.cli.demo.trial import Patient

MIN_GROUP = 20
"""Patients behind every released number, by the terms of all three hospitals."""

QUESTION = (
    "SELECT sex, ph_ecog, COUNT(*) AS patients, SUM(died) AS deaths, AVG(time_days) AS mean_days "
    "FROM room GROUP BY sex, ph_ecog ORDER BY sex, ph_ecog"
)


class Cell(NamedTuple):
    """One row of the answer: survival of one group of patients."""

    sex: str
    ph_ecog: int | None
    patients: int
    deaths: int
    mean_days: float


def released(rows: Iterable[list[Any]]) -> list[Cell]:
    """The rows of a release, in their order."""
    return [Cell(*row) for row in rows]


def plain(patients: Iterable[Patient], *, min_group: int) -> list[Cell]:
    """The same over plain rows: groups of at least `min_group` patients, in order."""
    groups: dict[tuple[str, str], list[Patient]] = collections.defaultdict(list)
    for patient in patients:
        groups[patient.sex, patient.ph_ecog].append(patient)
    return [
        Cell(
            sex=sex,
            ph_ecog=int(score) if score else None,
            patients=len(group),
            deaths=sum(patient.died for patient in group),
            mean_days=sum(patient.time_days for patient in group) / len(group),
        )
        for (sex, score), group in sorted(groups.items())
        if len(group) >= min_group
    ]
