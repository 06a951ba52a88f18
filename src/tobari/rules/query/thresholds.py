"""When a released number is withheld, as SQL: the counts that decide, and the conditions on them.

A *cell* is one aggregate of one group. Its *base* is the set of rows that it is made of: all rows of the group, or
those that have a value in the column. A cell is released if

1. the rows of its base belong to at least `min_group` entities, and
2. for every other cell of its line, the rows in which their bases differ, either way, belong to no entity or to at
   least `min_group`. Otherwise COUNT(*) beside COUNT(x) would say that one person has no x.

Of two cells that break rule 2 the later is withheld, the group itself (COUNT(*), COUNT(DISTINCT entity)) counting as
first. A cell that is withheld by rule 1, or by rule 2 for the group's sake, disturbs no other.

Precondition: rows without an entity are gone, groups below `min_group` are dropped. Postcondition: any two cells of a
line differ by nobody or by enough. Not held: differences of three or more cells, of lines, of queries.
"""

from __future__ import annotations

from collections.abc import Iterator

from tobari.rules.query.algebra import Aggregate, Column, Query


class Thresholds:
    """The bases of one query, numbered: 0 is the whole group, then columns in the order of SELECT."""

    def __init__(self, query: Query, *, min_group: int) -> None:
        aggregates = [output.of for output in query.outputs if isinstance(output.of, Aggregate)]
        self._entity = query.reads[0]
        self._min_group = min_group
        self._columns = list(dict.fromkeys(column for one in aggregates if (column := one.base) is not None))
        self._group_shown = any(one.base is None for one in aggregates)

    def counts(self) -> Iterator[str]:
        """Columns for the select that groups: `n<i>`, entities behind base i; `d<i>_<j>`, behind base i without j."""
        for number, column in enumerate(self._columns, 1):
            yield f'{self._entities(_has(column))} AS "n{number}"'
            if self._group_shown:
                yield f'{self._entities(_lacks(column))} AS "d0_{number}"'
            for other, earlier in enumerate(self._columns[: number - 1], 1):
                yield f'{self._entities(f"{_has(column)} AND {_lacks(earlier)}")} AS "d{number}_{other}"'
                yield f'{self._entities(f"{_lacks(column)} AND {_has(earlier)}")} AS "d{other}_{number}"'

    def released(self, aggregate: Aggregate) -> str | None:
        """The condition under which the cell is released; None if its group's threshold is all it needs."""
        column = aggregate.base
        if column is None:
            return None
        number = self._columns.index(column) + 1
        conditions = [self._alone(number)]
        for other in range(1, number):
            apart = f"{self._none_or_enough(number, other)} AND {self._none_or_enough(other, number)}"
            conditions.append(f"({apart} OR NOT ({self._alone(other)}))")
        return " AND ".join(conditions)

    def _alone(self, number: int) -> str:
        """Whether the cell could be released if the line held no other column's."""
        enough = f'"groups"."n{number}" >= {self._min_group}'
        return f"{enough} AND {self._none_or_enough(0, number)}" if self._group_shown else enough

    def _none_or_enough(self, base: int, without: int) -> str:
        return f'"groups"."d{base}_{without}" NOT BETWEEN 1 AND {self._min_group - 1}'

    def _entities(self, rows: str) -> str:
        return f"COUNT(DISTINCT {column_name(self._entity)}) FILTER (WHERE {rows})"


def column_name(column: Column) -> str:
    """A column of the data, as the select that groups sees it."""
    return f'"rows".{quote(column.name)}'


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _has(column: Column) -> str:
    return f"{column_name(column)} IS NOT NULL"


def _lacks(column: Column) -> str:
    return f"{column_name(column)} IS NULL"
