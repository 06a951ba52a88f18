"""WHERE and HAVING: conditions on one operand each, against literals of the operand's own type.

No condition can fail at run time, whatever the row: nothing is cast, divided or matched, and a literal that does not
fit its operand is refused here. Which operand stands where is the caller's affair.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from typing import Final

from sqlglot import exp

from tobari.base.errors import Refused
from tobari.rules.query import syntax
from tobari.rules.query.algebra import (
    Among,
    Between,
    Column,
    Comparison,
    Condition,
    Is,
    Junction,
    Not,
    Operand,
    Operator,
    Value,
)
from tobari.rules.query.terms import ColumnType

Resolve = Callable[[exp.Expr], Operand]

_OPERATORS: Final[dict[type[exp.Expr], tuple[Operator, Operator]]] = {
    exp.EQ: ("=", "="),
    exp.NEQ: ("<>", "<>"),
    exp.LT: ("<", ">"),
    exp.LTE: ("<=", ">="),
    exp.GT: (">", "<"),
    exp.GTE: (">=", "<="),
}
"""Each comparison, and the same with its sides exchanged."""
_INTEGER = re.compile(r"[0-9]{1,19}")
_REAL = re.compile(r"(?=\.?[0-9])[0-9]{0,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXPECTED: Final[dict[ColumnType, str]] = {
    "boolean": "TRUE or FALSE",
    "date": "a date like '2026-04-01'",
    "integer": "a whole number of 64 bits",
    "real": "a number",
    "text": "a text in single quotes",
}


def read(node: exp.Expr, resolve: Resolve) -> Condition:
    """The condition that the tree says; `resolve` gives the operand that a column or aggregate stands for.

    Raises:
        Refused: `query.construct`, `query.function`, `query.literal`, and what `resolve` raises.
    """
    node = syntax.unwrap(node)
    kind = type(node)
    if kind is exp.And or kind is exp.Or:
        return _junction(node, resolve)
    if kind is exp.Not:
        syntax.only(node, "this")
        return Not(read(node.this, resolve))
    if kind in _OPERATORS:
        return _comparison(node, resolve)
    if kind is exp.In:
        return _among(node, resolve)
    if kind is exp.Between:
        syntax.only(node, "this", "low", "high")
        operand = resolve(syntax.unwrap(node.this))
        return Between(operand, _value(node.args["low"], operand), _value(node.args["high"], operand))
    if kind is exp.Is:
        return _is(node, resolve)
    if kind is exp.Column:
        operand = resolve(node)
        return Comparison(operand, "=", _require(operand, "boolean", True))
    raise syntax.refusal(node)


def _junction(node: exp.Expr, resolve: Resolve) -> Junction:
    """A chain is as deep as it is long in the tree, so it is walked down its left side without recursion."""
    kind = type(node)
    links = []
    while type(node) is kind:
        syntax.only(node, "this", "expression")
        links.append(node.expression)
        node = syntax.unwrap(node.this)
    links.append(node)
    return Junction("AND" if kind is exp.And else "OR", tuple(read(link, resolve) for link in reversed(links)))


def _comparison(node: exp.Expr, resolve: Resolve) -> Comparison:
    syntax.only(node, "this", "expression")
    left, right = syntax.unwrap(node.this), syntax.unwrap(node.expression)
    operator, exchanged = _OPERATORS[type(node)]
    if _is_literal(left):
        left, right, operator = right, left, exchanged
    operand = resolve(left)
    if not _is_literal(right):
        resolve(right)  # names what is wrong with it, if anything but its place is
        raise Refused("query.construct", f"A comparison of two columns is not allowed. {syntax.ALLOWED}")
    return Comparison(operand, operator, _value(right, operand))


def _among(node: exp.Expr, resolve: Resolve) -> Among:
    syntax.only(node, "this", "expressions")
    operand = resolve(syntax.unwrap(node.this))
    if not node.expressions:
        raise Refused("query.construct", f"An empty IN list is not allowed. {syntax.ALLOWED}")
    return Among(operand, tuple(_value(item, operand) for item in node.expressions))


def _is(node: exp.Expr, resolve: Resolve) -> Is:
    syntax.only(node, "this", "expression")
    operand = resolve(syntax.unwrap(node.this))
    what = node.expression
    if type(what) is exp.Null:
        return Is(operand, "NULL")
    if type(what) is exp.Boolean:
        return Is(operand, "TRUE" if _require(operand, "boolean", bool(what.this)) else "FALSE")
    raise syntax.refusal(what)


def _is_literal(node: exp.Expr) -> bool:
    """Whether it is written as a value: then `_value` reads it or says why not."""
    if type(node) is exp.Neg or type(node) is exp.Cast:
        return type(syntax.unwrap(node.this)) is exp.Literal
    return type(node) in (exp.Literal, exp.Boolean, exp.Null)


def _value(node: exp.Expr, operand: Operand) -> Value:
    """The literal as a value of the operand's type. Messages never repeat it: it may be data."""
    node = syntax.unwrap(node)
    if not _is_literal(node):
        raise syntax.refusal(node)
    if type(node) is exp.Null:
        raise Refused("query.literal", "A comparison with NULL is never true: write IS NULL or IS NOT NULL.")
    if type(node) is exp.Boolean:
        return _require(operand, "boolean", bool(node.this))
    if type(node) is exp.Cast:
        return _date_literal(node, operand)
    negative = type(node) is exp.Neg
    literal = syntax.unwrap(node.this) if negative else node
    if not literal.args.get("is_string"):
        return _number(str(literal.this), operand, negative=negative)
    if negative:
        raise syntax.refusal(node)
    if operand.type == "date":
        return _date(str(literal.this), operand)
    return _require(operand, "text", str(literal.this))


def _date_literal(node: exp.Expr, operand: Operand) -> Value:
    """DATE '2026-04-01', which sqlglot reads as a cast; any other cast is refused."""
    syntax.only(node, "this", "to")
    literal, to = syntax.unwrap(node.this), node.args["to"]
    if not literal.args.get("is_string") or to.this != exp.DType.DATE:
        raise syntax.refusal(node)
    return _require(operand, "date", _date(str(literal.this), operand))


def _number(digits: str, operand: Operand, *, negative: bool) -> int | float:
    if operand.type == "integer" and _INTEGER.fullmatch(digits):
        whole = -int(digits) if negative else int(digits)
        if -(1 << 63) <= whole < 1 << 63:
            return whole
    if operand.type == "real" and _REAL.fullmatch(digits):
        number = -float(digits) if negative else float(digits)
        if math.isfinite(number):
            return number
    raise _unfit(operand)


def _date(text: str, operand: Operand) -> datetime.date:
    try:
        if _DATE.fullmatch(text):
            return datetime.date.fromisoformat(text)
    except ValueError:
        pass
    raise _unfit(operand)


def _require(operand: Operand, kind: ColumnType, value: Value) -> Value:
    if operand.type != kind:
        raise _unfit(operand)
    return value


def _unfit(operand: Operand) -> Refused:
    what = f'Column "{operand.name}"' if isinstance(operand, Column) else "This aggregate"
    expected = _EXPECTED[operand.type]
    return Refused("query.literal", f"{what} is {operand.type}: compare it with {expected}.")
