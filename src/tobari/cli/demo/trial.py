"""The demo's data: a real clinical trial, split over three hospitals by the institutions that treated its patients.

The NCCTG lung cancer trial (North Central Cancer Treatment Group; Loprinzi et al., J Clin Oncol 1994): 228 patients
with advanced lung cancer. The file is `lifelines/datasets/lung.csv` of the PyPI package lifelines, which is found by
its metadata and never imported. Beside a row's own columns, `planted` holds a random text of its hospital: plaintext
that is nowhere but in these rows, so that it can be searched for.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import secrets
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tobari.base.errors import NotFound

PACKAGE = "lifelines"
FILE = "lifelines/datasets/lung.csv"
PATIENT_PREFIX = "NCCTG-"
"""Every patient id begins with it: where it is not, no id is."""

_SEXES = {"1": "male", "2": "female"}
_INSTITUTIONS = {
    "hospital-a": {"1", "12", "16"},
    "hospital-b": {"3", "6", "11", "13"},
    "hospital-c": None,
}
"""Institution codes of the trial; the last hospital has all others, and the one record that names none."""


@dataclass(frozen=True, kw_only=True)
class Patient:
    """One row. Numbers as in the trial; empty text where it has none."""

    id: str
    institution: str
    time_days: int
    died: int
    """1: died after `time_days`; 0: still alive then (censored)."""
    age: int
    sex: str
    ph_ecog: str
    """Performance score by the physician: 0 is well, 4 is bedridden."""
    ph_karno: str
    pat_karno: str
    meal_cal: str
    wt_loss: str


COLUMNS = ("patient", *(name for name in Patient.__annotations__ if name != "id"), "planted")
"""Of a hospital's file, in order."""


@dataclass(frozen=True, kw_only=True)
class Hospital:
    """One owner of data."""

    name: str
    patients: tuple[Patient, ...]
    planted: str
    """Random text in each of its rows."""

    def csv(self) -> str:
        """Its file: a header, then a row for each patient."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((*vars(patient).values(), self.planted) for patient in self.patients)
        return text.getvalue()


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The data and where it comes from."""

    version: str
    """Of the package."""
    licence: str
    """As the package's metadata says."""
    intact: bool
    """Whether the file has the digest that the package's own record names."""
    patients: tuple[Patient, ...]
    hospitals: tuple[Hospital, ...]
    without_institution: int


def load() -> Trial:
    """Read and split the trial.

    Raises:
        NotFound: `demo.data`, the package or its file is not installed.
    """
    try:
        package = metadata.distribution(PACKAGE)
        data = Path(str(package.locate_file(FILE))).read_bytes()
    except (metadata.PackageNotFoundError, FileNotFoundError):
        raise NotFound(
            "demo.data",
            f"The demo's data comes with the package {PACKAGE}, which is not installed: "
            f"pip install --no-deps {PACKAGE} (in a checkout, `make demo` does it).",
        ) from None
    patients = tuple(_patients(data.decode()))
    return Trial(
        version=package.version,
        licence=package.metadata["License"] or package.metadata["License-Expression"] or "not stated",
        intact=_recorded(package, data),
        patients=patients,
        hospitals=split(patients),
        without_institution=sum(not patient.institution for patient in patients),
    )


def split(patients: tuple[Patient, ...]) -> tuple[Hospital, ...]:
    """Each patient to the hospital of its institution."""
    named = set().union(*(codes for codes in _INSTITUTIONS.values() if codes))
    return tuple(
        Hospital(
            name=name,
            patients=tuple(p for p in patients if (p.institution in codes if codes else p.institution not in named)),
            planted=f"planted-{name}-{secrets.token_hex(16)}",
        )
        for name, codes in _INSTITUTIONS.items()
    )


def _patients(text: str) -> list[Patient]:
    return [
        Patient(
            id=f"{PATIENT_PREFIX}{number:03d}",
            institution=_whole(row["inst"]),
            time_days=int(row["time"]),
            died=int(row["status"]),
            age=int(row["age"]),
            sex=_SEXES[row["sex"]],
            ph_ecog=_whole(row["ph.ecog"]),
            ph_karno=_whole(row["ph.karno"]),
            pat_karno=_whole(row["pat.karno"]),
            meal_cal=_whole(row["meal.cal"]),
            wt_loss=_whole(row["wt.loss"]),
        )
        for number, row in enumerate(csv.DictReader(io.StringIO(text)), start=1)
    ]


def _whole(cell: str) -> str:
    """The package writes columns with gaps as floats: `3.0` for 3."""
    return cell.removesuffix(".0")


def _recorded(package: metadata.Distribution, data: bytes) -> bool:
    for file in package.files or ():
        if str(file) == FILE and file.hash is not None and file.hash.mode == "sha256":
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            return hmac.compare_digest(file.hash.value, digest)
    return False
