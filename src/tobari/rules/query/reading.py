"""From sqlglot's tree to a `Query`: an allowlist by copying. What is not copied here does not exist afterwards.

Names are resolved against the terms, ordinals and aliases against SELECT. HAVING and ORDER BY see released
columns only, so that nothing decides about a row of the answer that is not itself in the answer.
"""

from __future__ import annotations

import re

from sqlglot import exp

from tobari.base.errors import Malformed, Refused, TooLarge
from tobari.rules.query import conditions, syntax
from tobari.rules.query.algebra import Aggregate, Column, Condition, OrderKey, Output, OutputRef, Query
from tobari.rules.query.table import Table, fold
from tobari.rules.query.terms import check_name

MAX_OUTPUTS = 64
"""Columns of an answer."""
MAX_GROUPS = 16
"""Columns of GROUP BY."""
MAX_VALUES = 8
"""Different columns under COUNT, SUM or AVG: each pair of them is compared, group by group."""
_ORDINAL = re.compile(r"[0-9]{1,3}")
_LIMIT = re.compile(r"[0-9]{1,18}")


def read(select: exp.Select, table: Table) -> Query:
    """What the statement asks, if the syntax and the terms allow it.

    Raises:
        Refused: every code of docs/reference/query-language.md that is not about the text as a whole.
        TooLarge: `query.too_complex`.
    """
    return _Reader(select, table).query()


class _Reader:
    """Reads one statement: SELECT first, because everything else may refer to it."""

    def __init__(self, select: exp.Select, table: Table) -> None:
        self._select = select
        self._table = table
        self._reads = {table.entity}
        self._qualifiers: frozenset[str] = frozenset()
        self._outputs: tuple[Output, ...] = ()

    def query(self) -> Query:
        select = self._select
        syntax.only(select, "expressions", "from_", "where", "group", "having", "order", "limit")
        self._qualifiers = self._from(select.args.get("from_"))
        self._outputs = tuple(self._output(item) for item in select.expressions)
        groups = self._groups(select.args.get("group"))
        where, having = (self._condition(select.args.get(part)) for part in ("where", "having"))
        order, limit = self._order(select.args.get("order")), self._limit(select.args.get("limit"))
        self._check_outputs(groups)
        entity = self._table.entity
        reads = (entity, *sorted(self._reads - {entity}, key=lambda column: column.name))
        return Query(self._outputs, groups, where, having, order, limit, reads)

    def _from(self, node: exp.Expr | None) -> frozenset[str]:
        """The names that may stand before a column."""
        if node is None:
            raise Refused("query.table", "A query reads the table of its room: add FROM room.")
        syntax.only(node, "this")
        source = node.this
        if type(source) is not exp.Table:
            raise syntax.refusal(source)
        if type(source.this) is not exp.Identifier:
            raise syntax.refusal(source.this)
        alias = source.args.get("alias")
        if any(source.args.get(part) for part in ("db", "catalog")) or fold(source.name) not in self._table.names:
            raise Refused("query.table", "There is one table, and its name is room (or that of the room itself).")
        syntax.only(source, "this", "alias")
        if alias is None:
            return self._table.names
        syntax.only(alias, "this")
        return frozenset({fold(alias.name)})

    def _column(self, node: exp.Expr) -> Column:
        if type(node) is not exp.Column or type(node.this) is not exp.Identifier:
            raise syntax.refusal(node.this if type(node) is exp.Column else node)
        qualifier = node.args.get("table")
        if node.args.get("db") is not None or (qualifier and fold(qualifier.name) not in self._qualifiers):
            raise Refused("query.table", "A column is written alone, or with the name of the one table before it.")
        syntax.only(node, "this", "table")
        column = self._table.column(node.name, quoted=bool(node.this.args.get("quoted")))
        self._reads.add(column)
        return column

    def _aggregate(self, node: exp.Expr) -> Aggregate:
        kind = type(node)
        if kind is exp.Count:
            syntax.only(node, "this", "big_int")
            return self._count(node.args.get("this"))
        if kind is exp.Sum:
            syntax.only(node, "this")
            return Aggregate("SUM", self._table.aggregable(self._column(syntax.unwrap(node.this)), "SUM"))
        if kind is exp.Avg:
            syntax.only(node, "this")
            return Aggregate("AVG", self._table.aggregable(self._column(syntax.unwrap(node.this)), "AVG"))
        raise syntax.refusal(node)

    def _count(self, what: exp.Expr | None) -> Aggregate:
        if what is None:
            raise Refused("query.construct", f"An empty COUNT() is not allowed. {syntax.ALLOWED}")
        if type(what) is exp.Star:
            syntax.only(what)
            return Aggregate("COUNT(*)", None)
        if type(what) is not exp.Distinct:
            return Aggregate("COUNT", self._table.aggregable(self._column(syntax.unwrap(what)), "COUNT"))
        syntax.only(what, "expressions")
        if len(what.expressions) != 1:
            raise Refused("query.construct", f"COUNT(DISTINCT) of several columns is not allowed. {syntax.ALLOWED}")
        column = self._column(syntax.unwrap(what.expressions[0]))
        if column != self._table.entity:
            raise Refused(
                "query.aggregate",
                f'COUNT(DISTINCT "{column.name}") is not allowed: only the entity, '
                f'"{self._table.entity.name}", is counted by its different values.',
            )
        return Aggregate("COUNT(DISTINCT)", self._table.aggregable(column, "COUNT"))

    def _source(self, node: exp.Expr) -> Column | Aggregate:
        """A column or an aggregate, wherever one of the two may stand."""
        node = syntax.unwrap(node)
        return self._column(node) if type(node) is exp.Column else self._aggregate(node)

    def _output(self, node: exp.Expr) -> Output:
        alias = None
        if type(node) is exp.Alias:
            syntax.only(node, "this", "alias")
            alias, node = node.args["alias"], node.this
        source = self._source(node)
        if isinstance(source, Column):
            self._table.groupable(source)
        return Output(_default_name(source) if alias is None else self._alias(alias, source), source)

    def _alias(self, node: exp.Expr, source: Column | Aggregate) -> str:
        if type(node) is not exp.Identifier:
            raise syntax.refusal(node)
        name = node.name if node.args.get("quoted") else fold(node.name)
        try:
            check_name(name)
        except Malformed as error:
            raise Refused("query.alias", f"This name after AS cannot be used. {error.message}") from None
        column = source if isinstance(source, Column) else source.column
        if self._table.knows(name) and (column is None or fold(column.name) != fold(name)):
            raise Refused("query.alias", "A name after AS is that of another column of the room: choose another name.")
        return name

    def _groups(self, node: exp.Expr | None) -> tuple[Column, ...]:
        if node is None:
            return ()
        syntax.only(node, "expressions")
        groups = tuple(dict.fromkeys(self._group(syntax.unwrap(item)) for item in node.expressions))
        if len(groups) > MAX_GROUPS:
            raise TooLarge("query.too_complex", f"GROUP BY may name at most {MAX_GROUPS} columns.")
        return groups

    def _group(self, node: exp.Expr) -> Column:
        if type(node) is exp.Literal:
            source = self._outputs[self._ordinal(node)].of
        elif type(node) is exp.Column and not self._table.knows(node.name) and (named := self._named(node)) is not None:
            source = self._outputs[named].of
        else:
            source = self._column(node)
        if not isinstance(source, Column):
            raise Refused("query.construct", f"GROUP BY an aggregate is not allowed. {syntax.ALLOWED}")
        return self._table.groupable(source)

    def _condition(self, node: exp.Expr | None) -> Condition | None:
        if node is None:
            return None
        syntax.only(node, "this")
        return conditions.read(node.this, self._filtered if type(node) is exp.Where else self._released)

    def _filtered(self, node: exp.Expr) -> Column:
        """What WHERE compares."""
        if type(node) in (exp.Count, exp.Sum, exp.Avg):
            raise Refused("query.construct", "An aggregate in WHERE is not allowed: write the condition in HAVING.")
        return self._table.filterable(self._column(node))

    def _released(self, node: exp.Expr) -> OutputRef:
        """What HAVING compares."""
        position = self._position(node)
        source = self._outputs[position].of
        if isinstance(source, Column):
            raise Refused("query.output", f'HAVING compares aggregates: put a condition on "{source.name}" in WHERE.')
        return OutputRef(position, source.type)

    def _order(self, node: exp.Expr | None) -> tuple[OrderKey, ...]:
        if node is None:
            return ()
        syntax.only(node, "expressions")
        return tuple(self._order_key(item) for item in node.expressions)

    def _order_key(self, node: exp.Expr) -> OrderKey:
        if type(node) is not exp.Ordered:
            raise syntax.refusal(node)
        syntax.only(node, "this", "desc", "nulls_first")
        key = syntax.unwrap(node.this)
        position = self._ordinal(key) if type(key) is exp.Literal else self._position(key)
        return OrderKey(position, bool(node.args.get("desc")), bool(node.args.get("nulls_first")))

    def _position(self, node: exp.Expr) -> int:
        """The output that a name or an expression speaks of: by its name, else by being the same."""
        if type(node) is exp.Column and (named := self._named(node)) is not None:
            return named
        source = self._source(node)
        for position, output in enumerate(self._outputs):
            if output.of == source:
                return position
        raise Refused("query.output", "HAVING and ORDER BY may only use what SELECT releases: add it there.")

    def _named(self, node: exp.Column) -> int | None:
        if node.args.get("table") is None and type(node.this) is exp.Identifier:
            for position, output in enumerate(self._outputs):
                if fold(output.name) == fold(node.name):
                    return position
        return None

    def _ordinal(self, node: exp.Literal) -> int:
        digits = "" if node.args.get("is_string") else str(node.this)
        if not _ORDINAL.fullmatch(digits) or not 1 <= int(digits) <= len(self._outputs):
            raise Refused("query.output", "A number in GROUP BY or ORDER BY is the position of a column in SELECT.")
        return int(digits) - 1

    def _limit(self, node: exp.Expr | None) -> int | None:
        if node is None:
            return None
        if type(node) is not exp.Limit:
            raise syntax.refusal(node)
        syntax.only(node, "expression")
        count = syntax.unwrap(node.expression)
        if type(count) is not exp.Literal or count.args.get("is_string") or not _LIMIT.fullmatch(str(count.this)):
            raise Refused("query.construct", f"LIMIT with anything but a whole number is not allowed. {syntax.ALLOWED}")
        return int(count.this)

    def _check_outputs(self, groups: tuple[Column, ...]) -> None:
        if not self._outputs:
            raise Refused("query.construct", f"A SELECT of nothing is not allowed. {syntax.ALLOWED}")
        names = [output.name.casefold() for output in self._outputs]
        if len(set(names)) < len(names):
            raise Refused("query.alias", "Two columns of the answer have the same name: name them by AS.")
        values = set()
        for output in self._outputs:
            if isinstance(output.of, Aggregate):
                values.add(output.of.base)
            elif output.of not in groups:
                raise Refused(
                    "query.not_grouped",
                    f'Column "{output.of.name}" is selected without being in GROUP BY: single rows are never released.',
                )
        if len(self._outputs) > MAX_OUTPUTS or len(values - {None}) > MAX_VALUES:
            raise TooLarge(
                "query.too_complex",
                f"A query may release at most {MAX_OUTPUTS} columns and aggregate at most {MAX_VALUES}.",
            )


def _default_name(source: Column | Aggregate) -> str:
    """The name of an output without AS."""
    if isinstance(source, Column):
        return source.name
    if source.column is None:
        return "count"
    return f"{source.function.lower().replace('(distinct)', '_distinct')}_{source.column.name}"
