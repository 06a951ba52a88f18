"""Figure: one measured number, beside what it is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A row of the results."""

    name: str
    value: float
    unit: str
    target: float | None = None
    bound: Literal["at least", "at most"] = "at least"
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.bound == "at least" else self.value <= self.target


Benchmark = Callable[[], list[Figure]]


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [("what", "measured", "target", "", "note"), ("---", "---:", "---:", "---", "---")]
    rows += [
        (
            figure.name,
            f"{_number(figure.value)} {figure.unit}",
            "" if figure.target is None else f"{figure.bound} {_number(figure.target)}",
            {None: "", True: "met", False: "**missed**"}[figure.is_met],
            figure.note,
        )
        for figure in figures
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
