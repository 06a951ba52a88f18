"""`tobari dataset check`: what it counts, and that it counts what the enclave's workers count."""

from __future__ import annotations

import csv
import io
import pathlib
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.running import document, invoke
from tobari.cli.dataset.cells import value_of
from tobari.enclave.workers.columns import from_text
from tobari.rules.query.terms import ColumnType

TERMS = """
room = "trial"
purpose = "Survival by sex."
entity = "patient"
min_group = 3
recipients = ["analyst"]

[columns.patient]
type = "text"
role = "identifier"
uses = ["aggregate"]
aggregates = ["COUNT"]

[columns.sex]
type = "text"
role = "quasi-identifier"
uses = ["group"]

[columns.age]
type = "integer"
role = "quasi-identifier"
uses = ["filter"]
"""
ROWS = [("p1", "f", 50), ("p2", "f", 51), ("p3", "f", None), ("p3", "m", 53), ("p4", "m", 54)]


@pytest.fixture
def terms(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "terms.toml"
    path.write_text(TERMS, encoding="utf-8")
    return path


def write_csv(path: pathlib.Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("patient", "note", "sex", "age"))
        writer.writerows((patient, 'a "note",\nof two lines', sex, age) for patient, sex, age in ROWS)


def table() -> pa.Table:
    return pa.table({name: [row[place] for row in ROWS] for place, name in enumerate(("patient", "sex", "age"))})


def write_parquet(path: pathlib.Path) -> None:
    pa.parquet.write_table(table(), path)


def write_arrow_file(path: pathlib.Path) -> None:
    with pa.ipc.new_file(path, table().schema) as writer:
        writer.write_table(table())


def write_arrow_stream(path: pathlib.Path) -> None:
    with pa.ipc.new_stream(path, table().schema) as writer:
        writer.write_table(table())


@pytest.mark.parametrize("write", [write_csv, write_parquet, write_arrow_file, write_arrow_stream])
def test_what_is_counted(write: Any, terms: pathlib.Path, tmp_path: pathlib.Path) -> None:
    write(tmp_path / "data")
    result = invoke("dataset", "check", tmp_path / "data", "--terms", terms, "--json")
    found = document(result)
    assert result.exit_code == 0
    assert (found["rows"], found["entities"], found["min_group"]) == (5, 4, 3)
    assert found["format"] in write.__name__
    assert found["columns"]["sex"] | {"role": 0} == {
        "type": "text",
        "role": 0,
        "nulls": 0,
        "bad_cells": 0,
        "groups": 2,
        "small": 1,
    }
    assert found["columns"]["age"]["nulls"] == 1
    assert found["warnings"] == []


def test_bad_cells_are_warned_of(terms: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("patient,sex,age\np1,f,old\n,f,5\n", encoding="utf-8")
    result = invoke("dataset", "check", path, "--terms", terms)
    assert result.exit_code == 0
    assert "Column 'age': 1 cells hold no integer" in result.stderr
    assert "Rows without an entity" in result.stderr
    assert "Alone, this data answers nothing: it has 1 entities" in result.stderr
    assert result.stdout.endswith("The file fits its terms.\n")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "dataset.column"),
        (b"patient,sex\np1,f\n", "dataset.column"),
        (b"patient,sex,age,age\np1,f,1,2\n", "dataset.column"),
        (b"patient,sex,age\np1,f\n", "dataset.format"),
        (b"patient,sex,age\np1,f,1,2\n", "dataset.format"),
        (b"patient,sex,age\np1,\xff,1\n", "dataset.format"),
        (b'patient,sex,age\np1,"f,1\n', "dataset.format"),
        (b"PAR1" + bytes(100), "dataset.format"),
        (b"ARROW1" + bytes(100), "dataset.format"),
        (None, "cli.file"),
    ],
)
def test_a_file_that_does_not_fit(data: bytes | None, code: str, terms: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "data"
    if data is not None:
        path.write_bytes(data)
    result = invoke("dataset", "check", path, "--terms", terms, "--json")
    assert (result.exit_code, document(result)["error"]["code"]) == (3, code)


def test_terms_that_are_none(tmp_path: pathlib.Path) -> None:
    (tmp_path / "terms.toml").write_text("room = 1", encoding="utf-8")
    (tmp_path / "data.csv").write_text("a\n1\n", encoding="utf-8")
    result = invoke("dataset", "check", tmp_path / "data.csv", "--terms", tmp_path / "terms.toml", "--json")
    assert (result.exit_code, document(result)["error"]["code"]) == (3, "terms.file")


_CELLS = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"\s?[+-]?[0-9]{0,20}(\.[0-9]{0,5})?([eE][+-]?[0-9]{0,3})?\s?", fullmatch=True),
    st.integers(-(1 << 63) - 2, (1 << 63) + 1).map(str),
    st.integers(-2, 2).map(lambda off: f"+{(1 << 63) + off}"),
    st.integers(-2, 2).map(lambda off: str(-(1 << 63) + off)),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True),
    st.sampled_from(
        [" Yes", "TRUE ", "f", "0", "2024-02-29", "2023-02-29", "0000-01-01", "9999-12-31", ".", "1.", ".5"]
    ),
).filter(lambda cell: cell and not any("\ud800" <= c <= "\udfff" for c in cell))


@pytest.mark.parametrize("kind", ["text", "integer", "real", "boolean", "date"])
@settings(max_examples=100, deadline=None)
@given(cell=_CELLS)
def test_cells_are_read_as_the_workers_read_them(kind: ColumnType, cell: str) -> None:
    theirs, bad = from_text(pa.array([cell], pa.string()), kind)
    assert value_of(cell, kind) == theirs[0].as_py()
    assert bad == (value_of(cell, kind) is None)


def test_the_csv_reader_takes_what_the_workers_take(tmp_path: pathlib.Path, terms: pathlib.Path) -> None:
    write_csv(tmp_path / "data")
    theirs = pa.csv.read_csv(
        io.BytesIO((tmp_path / "data").read_bytes()), parse_options=pa.csv.ParseOptions(newlines_in_values=True)
    )
    found = document(invoke("dataset", "check", tmp_path / "data", "--terms", terms, "--json"))
    assert found["rows"] == theirs.num_rows
