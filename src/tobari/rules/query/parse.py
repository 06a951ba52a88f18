"""From an analyst's text to one SELECT tree, within limits that are checked before the work they bound.

sqlglot reads the DuckDB dialect. It recurses, logs what it cannot read and quotes the text in its errors: so nesting is
counted on the tokens beforehand, it never gets to see a statement it would log, and its errors are replaced by a
position. What the tree may contain is decided elsewhere (`reading`).
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError
from sqlglot.tokenizer_core import Token, TokenType

from tobari.base.errors import Malformed, Refused, TooLarge
from tobari.rules.query import syntax
from tobari.rules.query.terms import has_hidden

MAX_BYTES = 1 << 14
"""Bytes of a query in UTF-8."""
MAX_TOKENS = 2048
"""Words, literals and signs of a query: its tree has about as many nodes."""
MAX_NESTING = 16
"""Round brackets inside each other, and NOT after NOT. One level costs sqlglot some twenty Python frames."""

_UNUSED = frozenset({TokenType.L_BRACKET, TokenType.R_BRACKET, TokenType.L_BRACE, TokenType.R_BRACE})
"""Signs of lists, structs and subscripts, which no query of version 0 has."""


def parse(sql: str) -> exp.Select:
    """The tree of one SELECT statement.

    Raises:
        TooLarge: `query.too_large`, `query.too_complex`.
        Malformed: `query.character`, `query.syntax`.
        Refused: `query.statement` if it is not one SELECT, `query.construct` for WITH and set operations.
    """
    _check_text(sql)
    dialect = Dialect.get_or_raise("duckdb")
    try:
        tokens = dialect.tokenize(sql)
    # A hostile text reaches foreign code: whatever it raises, the text is at fault.
    except Exception:  # noqa: BLE001
        raise Malformed("query.syntax", "A quotation mark or a comment of this query is never closed.") from None
    tokens = _one_statement(tokens)
    _check_shape(tokens)
    try:
        # Without the text sqlglot cannot quote it.
        trees = dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, "")
    except ParseError as error:
        raise _no_sql(error) from None
    except RecursionError:
        raise _too_complex() from None
    except Exception:  # noqa: BLE001
        raise Malformed("query.syntax", "This is not SQL that version 0 reads.") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Select):
        raise syntax.refusal(trees[0]) if trees and trees[0] is not None else _not_one_statement()
    return trees[0]


def _check_text(sql: str) -> None:
    if len(sql) > MAX_BYTES:
        raise TooLarge("query.too_large", f"A query may have at most {MAX_BYTES} bytes: shorten it.")
    if has_hidden(sql, but="\t\n\r"):
        raise Malformed("query.character", "The query has control or invisible characters: write it without them.")
    if len(sql.encode()) > MAX_BYTES:
        raise TooLarge("query.too_large", f"A query may have at most {MAX_BYTES} bytes: shorten it.")


def _one_statement(tokens: list[Token]) -> list[Token]:
    """The tokens without closing semicolons."""
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens = tokens[:-1]
    if not tokens or any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise _not_one_statement()
    first = tokens[0]
    if first.token_type == TokenType.WITH:
        raise Refused("query.construct", f"WITH is not allowed. {syntax.ALLOWED}")
    if first.token_type != TokenType.SELECT:
        raise _not_one_statement()
    return tokens


def _check_shape(tokens: list[Token]) -> None:
    if len(tokens) > MAX_TOKENS:
        raise _too_complex()
    depth = nots = 0
    for token in tokens:
        kind = token.token_type
        if kind in _UNUSED:
            raise Refused("query.construct", f"A list, a struct or a subscript is not allowed. {syntax.ALLOWED}")
        depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
        nots = nots + 1 if kind == TokenType.NOT else 0
        if depth > MAX_NESTING or nots > MAX_NESTING:
            raise _too_complex()


def _no_sql(error: ParseError) -> Malformed:
    place = error.errors[0] if error.errors else {}
    line, column = place.get("line"), place.get("col")
    where = f" at line {line}, column {column}" if re.fullmatch(r"[0-9]+ [0-9]+", f"{line} {column}") else ""
    return Malformed("query.syntax", f"This is not SQL that version 0 reads: look{where}.")


def _too_complex() -> TooLarge:
    return TooLarge(
        "query.too_complex",
        f"A query may have at most {MAX_TOKENS} words and signs, nested at most {MAX_NESTING} deep: simplify it.",
    )


def _not_one_statement() -> Refused:
    return Refused("query.statement", "A query is one SELECT statement, and nothing before or after it.")
