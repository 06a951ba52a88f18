"""Where a command's words go. With `--json`: one document on stdout; without: text. All else goes to stderr.

What services and files say of themselves is printed without control characters: a terminal obeys those.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 200
"""Columns of a table that no terminal shows."""


class Progress(Protocol):
    """Told how far a long work is."""

    def __call__(self, done: float, total: float, what: str) -> None: ...


class Output:
    """What one command prints."""

    def __init__(self, *, json: bool) -> None:
        self.json = json

    def document(self, value: Any) -> None:
        """The one result of `--json`; nothing without it. Bytes are spelled `hex:…`, as `tobari call` reads them."""
        if self.json:
            print(json.dumps(_plain(value), indent=2), flush=True)

    def text(self, *lines: str) -> None:
        """Lines of the result; nothing with `--json`."""
        if not self.json:
            for line in lines:
                print(printable(line), flush=True)

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Names and values of the result, one a line; nothing with `--json`."""
        width = max(map(len, facts), default=0)
        self.text(*(f"{name:<{width}}  {shown(value)}".rstrip() for name, value in facts.items()))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows of the result as a table; nothing with `--json`."""
        if self.json:
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in columns:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        console(sys.stdout).print(table)

    def warn(self, *lines: str) -> None:
        """Always shown, and never part of the result."""
        for line in lines:
            print(printable(line), file=sys.stderr, flush=True)

    @contextmanager
    def progress(self, what: str) -> Iterator[Progress]:
        """A bar on stderr while it is a terminal; silence otherwise."""
        if not sys.stderr.isatty():
            yield _silent
            return
        from rich.progress import Progress as Bar

        with Bar(console=console(sys.stderr), transient=True) as bar:
            task = bar.add_task(what, total=None)

            def move(done: float, total: float, what: str) -> None:
                bar.update(task, completed=done, total=total, description=printable(what))

            yield move


def _silent(done: float, total: float, what: str) -> None:
    """Where nobody watches, nothing is drawn."""


def console(stream: IO[str]) -> Console:
    """A rich console that takes every text as it is."""
    from rich.console import Console

    return Console(file=stream, markup=False, highlight=False, emoji=False, width=None if stream.isatty() else _WIDE)


def printable(text: str) -> str:
    """The text without what a terminal would obey: control characters, and those that turn the reading direction."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def shown(value: Any) -> str:
    """A plain value as one cell or line of text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case bytes():
            return "hex:" + value.hex()
        case str():
            return value
        case int() | float():
            return str(value)
    return json.dumps(_plain(value), ensure_ascii=False)


def hexed(value: Any) -> Any:
    """Plain values with bytes as hex digits alone: how policies and vectors write digests."""
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {key: hexed(inner) for key, inner in value.items()}
        case list() | tuple():
            return [hexed(inner) for inner in value]
    return value


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return "hex:" + value.hex()
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case float() if not math.isfinite(value):
            return None
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"a document holds no {type(value).__name__}")
