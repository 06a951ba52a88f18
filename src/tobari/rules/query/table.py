"""The one logical table of a room: the union of its datasets, under the strictest of their owners' terms.

A use must be allowed by every owner, the minimum group is the largest of all, and the schema of what is read is the
same everywhere. A refusal names the column, the rule and every owner whose terms forbid it.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Sequence

from tobari.base.errors import Refused
from tobari.base.principal import MemberName
from tobari.base.wire import Message
from tobari.rules.query.algebra import Column
from tobari.rules.query.terms import Aggregate, ColumnRule, DataTerms, RoomName

TABLE_NAME = "room"
"""What SQL may call the table, besides the room's own name."""
_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Contribution(Message, frozen=True, kw_only=True):
    """One dataset of the room: its owner, and the terms that this owner signed."""

    owner: MemberName
    terms: DataTerms


def fold(name: str) -> str:
    """SQL ignores the case of names; only of ASCII letters here, so that no other letter equals one of them."""
    return name.translate(_FOLD)


class Table:
    """The rules that a query on this room meets.

    Raises:
        Refused: `query.no_data`, `terms.room` for terms of another room, `query.schema` if the owners name different
            entities.
    """

    def __init__(self, *, room: RoomName, contributions: Sequence[Contribution]) -> None:
        if not contributions:
            raise Refused("query.no_data", "The room holds no dataset yet: ask its members to contribute one.")
        if owners := _owners(contributions, lambda terms: terms.room != room):
            raise Refused("terms.room", f"The terms of {owners} are for another room; they must be signed anew.")
        self.names = frozenset({TABLE_NAME, fold(room)})
        self.min_group = max(one.terms.min_group for one in contributions)
        self._contributions = contributions
        self._spelling = {fold(name): name for one in contributions for name in sorted(one.terms.columns)}
        entity = contributions[0].terms.entity
        if owners := _owners(contributions, lambda terms: terms.entity != entity):
            raise Refused(
                "query.schema",
                f'The owners count by different entities: {contributions[0].owner} by "{entity}", {owners} by another '
                "column. Their datasets cannot be one table.",
            )
        self.entity = self._typed(entity)

    def admit(self, *, recipient: MemberName, at: int) -> None:
        """Check that every owner's terms still hold at that log time (ms) and name the recipient.

        Raises:
            Refused: `terms.expired`, `terms.recipient`.
        """
        if owners := _owners(self._contributions, lambda terms: terms.expires is not None and terms.expires <= at):
            raise Refused("terms.expired", f"The terms of {owners} have expired: ask for new ones.")
        if owners := _owners(self._contributions, lambda terms: recipient not in terms.recipients):
            raise Refused("terms.recipient", f"The terms of {owners} do not name {recipient} as a recipient.")

    def knows(self, name: str) -> bool:
        """Whether any owner's terms have a rule for that name."""
        return fold(name) in self._spelling

    def column(self, name: str, *, quoted: bool) -> Column:
        """The column of that name, if every owner has a rule for it.

        Raises:
            Refused: `query.column_not_allowed`, `query.schema`.
        """
        spelling = self._spelling.get(fold(name))
        if spelling is None:
            # A name in double quotes may be a text literal gone wrong, so it is not repeated.
            shown = "A name in double quotes" if quoted else f'"{name[:64]}"'
            raise Refused(
                "query.column_not_allowed",
                f"{shown} has no rule in the terms of {_owners(self._contributions, lambda _: True)}: a column without "
                "a rule is not queryable. (Texts take single quotes.)",
            )
        if owners := _owners(self._contributions, lambda terms: spelling not in terms.columns):
            raise Refused(
                "query.column_not_allowed",
                f'Column "{spelling}" has no rule in the terms of {owners}: a column without a rule is not queryable.',
            )
        return self._typed(spelling)

    def filterable(self, column: Column) -> Column:
        """Raises:
        Refused: `query.filter_use`.
        """
        if owners := self._forbidding(column, lambda rule: "filter" in rule.uses):
            raise Refused(
                "query.filter_use",
                f'Column "{column.name}" may not be filtered by: the use "filter" is not in the terms of {owners}.',
            )
        return column

    def groupable(self, column: Column) -> Column:
        """Raises:
        Refused: `query.group_use`.
        """
        if owners := self._forbidding(column, lambda rule: "group" in rule.uses):
            raise Refused(
                "query.group_use",
                f'Column "{column.name}" may not be grouped by: the use "group" is not in the terms of {owners}.',
            )
        return column

    def aggregable(self, column: Column, function: Aggregate) -> Column:
        """Raises:
        Refused: `query.aggregate`.
        """
        if owners := self._forbidding(column, lambda rule: function in rule.aggregates):
            raise Refused(
                "query.aggregate",
                f'{function} of column "{column.name}" is not allowed: the terms of {owners} do not list it.',
            )
        return column

    def _forbidding(self, column: Column, allows: Callable[[ColumnRule], bool]) -> str:
        return _owners(self._contributions, lambda terms: not allows(terms.columns[column.name]))

    def _typed(self, name: str) -> Column:
        first = self._contributions[0]
        kind = first.terms.columns[name].type
        if owners := _owners(self._contributions, lambda terms: terms.columns[name].type != kind):
            raise Refused(
                "query.schema",
                f'Column "{name}" is {kind} in the terms of {first.owner} and of another type in those of {owners}.',
            )
        return Column(name, kind)


def _owners(contributions: Iterable[Contribution], concerned: Callable[[DataTerms], bool]) -> str:
    """The names of the owners concerned, as words; empty if there are none."""
    names = list(dict.fromkeys(one.owner for one in contributions if concerned(one.terms)))
    if len(names) > 5:
        names[5:] = [f"{len(names) - 5} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
