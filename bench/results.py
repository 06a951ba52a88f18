"""bench/RESULTS.md: the part of each benchmark between its marks is replaced, what people wrote around it stays."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path

from bench import figure, machine
from bench.figure import Figure

PATH = Path(__file__).with_name("RESULTS.md")


def keep(name: str, figures: Sequence[Figure]) -> None:
    """Write the figures of one benchmark, with the command, the machine and the date."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    made = f"`make bench ARGS={name}`, {today}, on {machine.description()}."
    part = f"{begin}\n{made}\n\n{figure.table(figures)}\n{end}"
    text = PATH.read_text("utf-8")
    replaced, count = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: part, text, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{PATH.name} has no place for '{name}'")
    PATH.write_text(replaced, "utf-8")
