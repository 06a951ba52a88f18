"""The numbered steps of an appraisal as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tobari.cli.output import Output

_SIGNS = {True: "ok", False: "REFUSED", None: "not asked"}


def show_steps(output: Output, steps: Sequence[dict[str, Any]]) -> None:
    """One row for each step (`tobari.evidence.result.Step`, as plain values); nothing if there are none."""
    if steps:
        output.table(
            ("step", "what", "expected", "found", ""),
            [(str(s["number"]), s["title"], s["expected"], s["found"], _SIGNS[s["ok"]]) for s in steps],
        )
