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

import itertools
from collections.abc import Iterator

from tobari.rules.query.algebra import Aggregate, Column, Query


class Thresholds:
    """The bases of one query, numbered: 0 is the whole group, then columns in the order of SELECT."""

    def __init__(self, query: Query, *, min_group: int) -> None:
        aggregates = [output.of for output in query.outputs if isinstance(output.of, Aggregate)]
        self._min_group = min_group
        self._columns = list(dict.fromkeys(column for one in aggregates if (column := one.base) is not None))
        self._group_shown = any(one.base is None for one in aggregates)

    def number(self, base: Column | None) -> int:
        return 0 if base is None else self._columns.index(base) + 1

    def per_entity(self) -> Iterator[str]:
        """For the select with a line per entity: `n<i>`, its rows in base i; `d<i>_<j>`, its rows in i and not in j."""
        yield 'COUNT(*) AS "n0"'
        for number, column in enumerate(self._columns, 1):
            yield f'COUNT({column_name(column)}) AS "n{number}"'
        for base, without in self._pairs():
            rows = [f"{column_name(self._columns[without - 1])} IS NULL"]
            if base:
                rows.append(f"{column_name(self._columns[base - 1])} IS NOT NULL")
            yield f'COUNT(*) FILTER (WHERE {" AND ".join(rows)}) AS "d{base}_{without}"'

    def per_group(self) -> Iterator[str]:
        """For the select with a line per group: the same names, now the number of entities that have such rows."""
        names = [f"n{number}" for number in range(1, len(self._columns) + 1)]
        for name in [*names, *(f"d{base}_{without}" for base, without in self._pairs())]:
            yield f'COUNT(*) FILTER (WHERE "entities"."{name}" > 0) AS "{name}"'

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Bases to compare, both ways; nothing lies outside of the group, and it counts only if it is shown."""
        shown = range(0 if self._group_shown else 1, len(self._columns) + 1)
        return ((base, without) for base, without in itertools.permutations(shown, 2) if without)

    def released(self, aggregate: Aggregate) -> str | None:
        """The condition under which the cell is released; None if its group's threshold is all it needs."""
        column = aggregate.base
        if column is None:
            return None
        number = self.number(column)
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


def column_name(column: Column) -> str:
    """A column of the data, as the select of `entities` sees it."""
    return f'"rows".{quote(column.name)}'


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
