"""What must not be found: the needles of the demo. Each stands for something that only its owner may have."""

from __future__ import annotations

from collections.abc import Sequence

from tobari.cli.demo import search
from tobari.cli.demo.answer import QUESTION, Cell
from tobari.cli.demo.cast import Actor, Cast, Contribution
from tobari.cli.demo.search import Needle
from tobari.cli.demo.trial import PATIENT_PREFIX, Hospital

_ROWS = 3
"""Rows of each hospital that are searched for as they stand in its file."""


def of_all(cast: Cast, cells: Sequence[Cell]) -> list[Needle]:
    """Everybody's, and the question and its answer."""
    owned = [
        needle
        for actor, hospital in zip(cast.hospitals, cast.trial.hospitals, strict=True)
        for needle in of_hospital(hospital, list(actor.contributions.values()))
    ]
    everything = [*owned, *map(of_member, cast.members), *of_analyst(cells)]
    return list({needle.name: needle for needle in everything}.values())


def of_hospital(hospital: Hospital, contributions: Sequence[Contribution]) -> list[Needle]:
    """Its rows, its patients' ids, what was planted in them, and its data keys."""
    # Without the id and the planted text, which are needles of their own.
    rows = [row.split(",", 1)[1].rpartition(",")[0] for row in hospital.csv().splitlines()[1 : 1 + _ROWS]]
    return [
        *(search.text(f"row {number} of {hospital.name}", row) for number, row in enumerate(rows, 1)),
        search.text("a patient's id", PATIENT_PREFIX),
        search.text(f"the text planted by {hospital.name}", hospital.planted),
        *(search.key(f"the data key of {hospital.name} for {one.room}", one.key.secret) for one in contributions),
    ]


def of_member(actor: Actor) -> Needle:
    """The key that signs for it."""
    return search.key(f"the signing key of {actor.name}", actor.key.seed)


def of_analyst(cells: Sequence[Cell]) -> list[Needle]:
    """The question and the answer."""
    return [
        search.text("the question", QUESTION),
        *(search.number(f"the mean of {cell.sex} {cell.ph_ecog}", cell.mean_days) for cell in cells),
    ]
