"""The trial's data, its split, and the answer in plain Python."""

from __future__ import annotations

import csv
import io
import sys

import pytest

from tobari.base.errors import NotFound
from tobari.cli.demo import answer, trial


@pytest.fixture(scope="module")
def lung() -> trial.Trial:
    return trial.load()


def test_the_file_is_the_packages_own_and_the_package_is_not_imported(lung: trial.Trial) -> None:
    assert lung.intact
    assert lung.licence == "MIT"
    assert trial.PACKAGE not in sys.modules


def test_three_hospitals_hold_every_patient_once(lung: trial.Trial) -> None:
    assert [len(hospital.patients) for hospital in lung.hospitals] == [75, 71, 82]
    ids = [patient.id for hospital in lung.hospitals for patient in hospital.patients]
    assert sorted(ids) == [patient.id for patient in lung.patients]
    assert len(set(ids)) == 228
    assert lung.without_institution == 1


def test_a_hospitals_file_reads_back_as_its_patients(lung: trial.Trial) -> None:
    hospital = lung.hospitals[2]
    rows = list(csv.DictReader(io.StringIO(hospital.csv())))
    assert [row["patient"] for row in rows] == [patient.id for patient in hospital.patients]
    assert {row["planted"] for row in rows} == {hospital.planted}
    assert {row["sex"] for row in rows} == {"male", "female"}
    assert not any(cell.endswith(".0") for row in rows for cell in row.values())


def test_what_is_planted_differs_from_run_to_run(lung: trial.Trial) -> None:
    again = trial.split(lung.patients)
    assert {hospital.planted for hospital in again}.isdisjoint(hospital.planted for hospital in lung.hospitals)


def test_together_they_answer_and_alone_they_do_not(lung: trial.Trial) -> None:
    joint = answer.plain(lung.patients, min_group=answer.MIN_GROUP)
    assert [cell.patients for cell in joint] == [27, 42, 21, 36, 71, 29]
    assert joint[0].deaths == 9
    for hospital in lung.hospitals:
        assert len(answer.plain(hospital.patients, min_group=answer.MIN_GROUP)) == 1


def test_released_rows_compare_with_plain_ones(lung: trial.Trial) -> None:
    joint = answer.plain(lung.patients, min_group=1)
    assert answer.released([list(cell) for cell in joint]) == joint
    assert joint[-1].ph_ecog == 3
    assert None in {cell.ph_ecog for cell in joint}


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PACKAGE", "no-such-package-here")
    with pytest.raises(NotFound, match="no-such-package-here") as missing:
        trial.load()
    assert missing.value.code == "demo.data"
