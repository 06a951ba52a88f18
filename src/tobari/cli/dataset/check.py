"""`tobari dataset check`: what the enclave would find, told before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tobari.cli import files, texts
from tobari.cli.dataset.survey import Survey, survey
from tobari.cli.failures import local_input
from tobari.cli.output import Output
from tobari.rules.query.terms import MAX_TERMS, DataTerms
from tobari.rules.query.terms_file import from_toml


def check_dataset(output: Output, file: Path, *, terms: Path) -> None:
    """Print what the file holds.

    Raises:
        BadInput: the terms are none, or the file does not fit them.
    """
    rules = read_terms(terms, dataset=bytes(16))
    with local_input():
        found = survey(file, rules)
    known = _document(found, rules)
    for warning in known["warnings"]:
        output.warn(warning)
    output.document(known)
    output.facts({name: known[name] for name in ("format", "rows", "entities", "min_group")})
    output.table(
        ("column", "type", "role", "empty", "bad cells", "groups", "too small"),
        [
            (
                name,
                c["type"],
                c["role"],
                str(c["nulls"]),
                str(c["bad_cells"]),
                _number(c["groups"]),
                _number(c["small"]),
            )
            for name, c in known["columns"].items()
        ],
    )
    output.text(texts.say("dataset.fits"))


def read_terms(path: Path, *, dataset: bytes) -> DataTerms:
    """An owner's terms file, for the dataset of that id.

    Raises:
        BadInput: it cannot be read, or is no such file.
    """
    with local_input():
        return from_toml(files.read_text(path, limit=4 * MAX_TERMS), dataset=dataset)


def _document(found: Survey, terms: DataTerms) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, column in found.columns.items():
        groups, small = found.groups(name, least=terms.min_group) if column.entities else (None, None)
        columns[name] = {
            "type": column.type,
            "role": terms.columns[name].role,
            "nulls": column.nulls,
            "bad_cells": column.bad_cells,
            "groups": groups,
            "small": small,
        }
    return {
        "format": found.format,
        "rows": found.rows,
        "entities": len(found.entities),
        "min_group": terms.min_group,
        "columns": columns,
        "warnings": list(_warnings(found, terms)),
    }


def _warnings(found: Survey, terms: DataTerms) -> list[str]:
    warnings = [
        f"Column '{name}': {column.bad_cells} cells hold no {column.type} and will count as empty."
        for name, column in found.columns.items()
        if column.bad_cells
    ]
    if found.columns[terms.entity].nulls:
        warnings.append("Rows without an entity are in no group's count.")
    if len(found.entities) < terms.min_group:
        warnings.append(
            f"Alone, this data answers nothing: it has {len(found.entities)} entities, and every released number needs "
            f"{terms.min_group}."
        )
    return warnings


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
