"""What the demo says. Each line is the outcome of one check, made when it is printed; the first that fails ends it.

A check has an id, which is its line in the catalogue (`lines`), a verdict, and the facts that the line shows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tobari.base.errors import Broken, TobariError
from tobari.cli import failures
from tobari.cli.demo import lines
from tobari.cli.output import Output, console, printable

_MARGIN = 11
"""Columns for the verdict."""
_STYLES = {True: "green", False: "bold red", None: "yellow"}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line."""

    scene: str
    id: str
    ok: bool | None
    """None: it could not be checked here, or is not checked at all; the line says why."""
    text: str
    facts: dict[str, Any]


@dataclass
class Report:
    """Prints as it goes, and keeps what `--json` shows at the end."""

    output: Output
    checks: list[Check] = field(default_factory=list)
    answer: list[dict[str, Any]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    _scene: str = ""

    def scene(self, name: str, **facts: Any) -> None:
        """A heading."""
        self._scene = name
        self._heading(lines.say(f"scene.{name}", **facts))

    def check(self, name: str, ok: bool | None, **facts: Any) -> None:
        """Print the outcome of a check and keep it.

        Raises:
            Broken: `demo.failed`, it does not hold.
        """
        check = Check(scene=self._scene, id=name, ok=ok, text=lines.say(name, **facts), facts=facts)
        self.checks.append(check)
        self._line(lines.verdict(ok), check.text, _STYLES[ok])
        if ok is False:
            raise Broken("demo.failed", f"A check of the demo does not hold ({name}), so it ends here.")

    def warning(self, text: str) -> None:
        """What evidence says of itself; shown and no check."""
        self._line("!", text, "yellow")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """The answer."""
        rows = [list(row) for row in rows]
        self.answer = [dict(zip(columns, row, strict=True)) for row in rows]
        self.output.text("")
        self.output.table(("", *columns), [(" " * _MARGIN, *map(_cell, row)) for row in rows])
        self.output.text("")

    def end(self) -> None:
        """The last line, or the document: every check held."""
        held = sum(check.ok is True for check in self.checks)
        self._heading(lines.say("end.good", held=held, open=len(self.checks) - held, seconds=self.seconds))
        self.output.document(self.document())

    def ended(self, error: TobariError) -> dict[str, Any]:
        """All of it, and why it ended too early: a check that failed, or what could not go on."""
        if error.code != "demo.failed":
            self._line(lines.verdict(False), str(error), _STYLES[False])
        return {**self.document(), "ok": False, **failures.document(error)}

    def document(self) -> dict[str, Any]:
        """All of it."""
        return {
            "ok": all(check.ok is not False for check in self.checks),
            "seconds": self.seconds,
            "not_checked": [check.id for check in self.checks if check.ok is None],
            "checks": [vars(check) for check in self.checks],
            "answer": self.answer,
        }

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.started, 1)

    def _line(self, sign: str, text: str, style: str) -> None:
        """A verdict and what it is about; on a terminal, long text stays in its own column."""
        if self.output.json:
            return
        if not sys.stdout.isatty():
            self.output.text(f"{sign:>{_MARGIN}}  {text}")
            return
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=_MARGIN, justify="right")
        grid.add_column(overflow="fold")
        grid.add_row(Text(sign, style), Text(printable(text)))
        console(sys.stdout).print(grid)

    def _heading(self, text: str) -> None:
        if sys.stdout.isatty() and not self.output.json:
            from rich.text import Text

            console(sys.stdout).print("", Text(text, "bold"), sep="\n")
            return
        self.output.text("", text)


def _cell(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
