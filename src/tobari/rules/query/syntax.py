"""The allowlist's two tools: name what is refused, and refuse every part of a node that nobody asked about.

Readers of the tree match on exact types and call `only` with the parts they read, so that a construct unknown today is
refused tomorrow, whatever sqlglot learns to parse.
"""

from __future__ import annotations

import re

from sqlglot import exp

from tobari.base.errors import Refused

ALLOWED = (
    "Version 0 allows SELECT of group columns and of COUNT, SUM and AVG, with WHERE, GROUP BY, HAVING, ORDER BY and "
    "LIMIT (docs/reference/query-language.md)."
)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")

_NAMES: dict[type[exp.Expr], str] = {
    exp.Add: "arithmetic",
    exp.Avg: "an aggregate in this place",
    exp.Between: "BETWEEN outside a condition",
    exp.Boolean: "a bare TRUE or FALSE",
    exp.ByteString: "a string with escapes (E'...')",
    exp.Case: "CASE",
    exp.Cast: "a cast",
    exp.Collate: "COLLATE",
    exp.Column: "a column in this place",
    exp.Columns: "COLUMNS",
    exp.Concat: "joining of texts",
    exp.Count: "an aggregate in this place",
    exp.Distinct: "DISTINCT",
    exp.Div: "division",
    exp.Dot: "access to a part of a value",
    exp.Escape: "LIKE",
    exp.Except: "EXCEPT",
    exp.Exists: "EXISTS",
    exp.Fetch: "FETCH",
    exp.Filter: "FILTER",
    exp.IgnoreNulls: "IGNORE NULLS",
    exp.ILike: "ILIKE",
    exp.Interval: "INTERVAL",
    exp.Intersect: "INTERSECT",
    exp.Join: "a join",
    exp.Lambda: "a lambda",
    exp.Lateral: "LATERAL",
    exp.Like: "LIKE",
    exp.Literal: "a literal in this place",
    exp.Lock: "FOR UPDATE",
    exp.Mod: "arithmetic",
    exp.Mul: "arithmetic",
    exp.Neg: "arithmetic",
    exp.Null: "a bare NULL",
    exp.Offset: "OFFSET",
    exp.Order: "ORDER BY inside an aggregate",
    exp.Placeholder: "a parameter",
    exp.PositionalColumn: "a column by its position (#1)",
    exp.Qualify: "QUALIFY",
    exp.RawString: "a dollar-quoted string",
    exp.RegexpLike: "a regular expression",
    exp.Select: "a subquery",
    exp.Star: "*",
    exp.Sub: "arithmetic",
    exp.Subquery: "a subquery",
    exp.Sum: "an aggregate in this place",
    exp.TableSample: "SAMPLE",
    exp.TryCast: "a cast",
    exp.Tuple: "a row of values",
    exp.Union: "UNION",
    exp.Var: "a keyword in this place",
    exp.Window: "a window",
    exp.With: "WITH",
    exp.Xor: "XOR",
}
_PARTS = {"all": "ALL", "into": "INTO", "kind": "AS STRUCT", "match": "MATCH", "windows": "WINDOW", "when": "AT"}


def refusal(node: exp.Expr) -> Refused:
    """The error that names the node: `query.function` for a function, else `query.construct`."""
    if type(node) is exp.IgnoreNulls and type(node.this) is exp.AnyValue:
        node = node.this  # as which the parser reads any_value(x)
    name = _NAMES.get(type(node))
    if name is None and isinstance(node, exp.Func):
        called = node.name if isinstance(node, exp.Anonymous) else type(node).sql_name()
        shown = called.upper() if _PLAIN.fullmatch(called) else "of that name"
        return Refused("query.function", f"The function {shown} is not allowed. {ALLOWED}")
    return Refused("query.construct", f"{_sentence(name or type(node).__name__)} is not allowed. {ALLOWED}")


def only(node: exp.Expr, *parts: str) -> None:
    """Refuse a node that has any other part than these.

    Raises:
        Refused: `query.construct` or `query.function`, naming the part.
    """
    for part, value in node.args.items():
        if part in parts or value is None or value is False or (isinstance(value, list) and not value):
            continue
        first = value[0] if isinstance(value, list) else value
        if isinstance(first, exp.Expr):
            raise refusal(first)
        raise Refused("query.construct", f"{_PARTS.get(part, part.upper())} is not allowed here. {ALLOWED}")


def unwrap(node: exp.Expr) -> exp.Expr:
    """What stands inside round brackets."""
    while type(node) is exp.Paren:
        only(node, "this")
        node = node.this
    return node


def _sentence(name: str) -> str:
    return name[0].upper() + name[1:]
