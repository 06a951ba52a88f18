"""What a file holds when it is read under its terms: rows, entities, bad cells, groups that are too small.

It is read on the owner's own machine and nothing leaves. CSV is read with the base install; Parquet and Arrow are read
by the code that reads them in the enclave, which the extras `node` and `room` bring.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tobari.base.errors import Malformed, NotFound
from tobari.cli.dataset.cells import value_of
from tobari.rules.query.terms import ColumnType, DataTerms

Format = Literal["csv", "parquet", "arrow"]
_MAGIC: tuple[tuple[bytes, Format], ...] = ((b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"\xff\xff\xff\xff", "arrow"))
_MAX_CELL = 1 << 20
"""Characters."""
_MAX_ROWS = 1 << 27


@dataclass
class ColumnSurvey:
    type: ColumnType
    bad_cells: int = 0
    """Cells that hold no value of the type: they become NULL."""
    nulls: int = 0
    entities: dict[Any, set[Any]] = field(default_factory=dict)
    """Of a column that may be grouped by: the entities of each of its values."""


@dataclass
class Survey:
    """What a file holds, column by column of the terms."""

    format: Format
    columns: dict[str, ColumnSurvey]
    rows: int = 0
    entities: set[Any] = field(default_factory=set)

    def groups(self, name: str, *, least: int) -> tuple[int, int]:
        """How many groups a column makes, and how many of them have fewer than `least` entities."""
        sizes = [len(entities) for entities in self.columns[name].entities.values()]
        return len(sizes), sum(size < least for size in sizes)


def format_of(path: Path) -> Format:
    """By its first bytes; what is neither Parquet nor an Arrow file is taken for CSV.

    Raises:
        NotFound: `cli.file`.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise NotFound("cli.file", f"The file {path} cannot be read: {error.strerror}.") from None
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "csv")


def survey(path: Path, terms: DataTerms) -> Survey:
    """Read the whole file under these terms.

    Raises:
        NotFound: `cli.file`.
        Malformed: `dataset.format`, not readable as what it is; `dataset.column`, a column of the terms is missing,
            stands twice or has another type.
        ImportError: an extra is missing for Parquet or Arrow.
    """
    found = Survey(
        format=format_of(path), columns={name: ColumnSurvey(rule.type) for name, rule in sorted(terms.columns.items())}
    )
    rows = _csv_rows(path, found) if found.format == "csv" else _typed_rows(path, found)
    grouped = [name for name, rule in terms.columns.items() if "group" in rule.uses]
    for row in rows:
        _count(found, row, entity=terms.entity, grouped=grouped)
    return found


def _count(found: Survey, row: Mapping[str, Any], *, entity: str, grouped: Iterable[str]) -> None:
    found.rows += 1
    for name, value in row.items():
        found.columns[name].nulls += value is None
    who = row[entity]
    if who is None:
        return
    found.entities.add(who)
    for name in grouped:
        found.columns[name].entities.setdefault(row[name], set()).add(who)


def _csv_rows(path: Path, found: Survey) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(_MAX_CELL)
    try:
        with path.open("r", encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            places = _places(header, found)
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise _unreadable(f"line {reader.line_num} has {len(cells)} cells, and the header {len(header)}")
                yield {name: _cell(found.columns[name], cells[place]) for name, place in places.items()}
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unreadable("it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)) from None


def _places(header: list[str], found: Survey) -> dict[str, int]:
    for name in found.columns:
        if header.count(name) != 1:
            raise _wrong_column(name)
    return {name: header.index(name) for name in found.columns}


def _cell(column: ColumnSurvey, text: str) -> Any:
    if text == "":
        return None
    value = value_of(text, column.type)
    column.bad_cells += value is None
    return value


def _typed_rows(path: Path, found: Survey) -> Iterator[dict[str, Any]]:
    from tobari.enclave.runtime.job import Column
    from tobari.enclave.workers.failures import JobFailed
    from tobari.enclave.workers.tables import TableReader

    names = list(found.columns)
    columns = [Column(name=name, type=found.columns[name].type) for name in names]
    size = path.stat().st_size
    reader = TableReader(columns, max_rows=_MAX_ROWS, max_bytes=max(64 * size, 1 << 30))
    try:
        reader.add(path.read_bytes(), file_format=found.format)
    except JobFailed as failed:
        if failed.column is not None:
            raise _wrong_column(names[failed.column]) from None
        raise _unreadable("it is damaged, or too large") from None
    for name, bad in zip(names, reader.bad_cells, strict=True):
        found.columns[name].bad_cells = bad
    for batch in reader.table().to_batches():
        yield from batch.to_pylist()


def _wrong_column(name: str) -> Malformed:
    return Malformed(
        "dataset.column",
        f"Column '{name}' is missing, stands twice, or does not have the type that the terms name:"
        " correct the data or the terms.",
    )


def _unreadable(why: str) -> Malformed:
    return Malformed("dataset.format", f"The file cannot be read: {why}.")
