"""Reading TOML 1.0 that somebody else wrote: the standard library's parser, within bounds that it lacks.

Its memory and time grow with the square of a dotted key's parts: a line of 48 KiB takes gigabytes. Writing is
tobari.evidence.toml.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tobari.base.errors import Malformed

MAX_DOTS = 64
"""Dots on one line outside of quotes: key parts, and at most one for each number and date."""

# The closing quote is optional, so that a text is read once, whatever quotes it leaves open.
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"?' + r"|'[^'\n]*'?|#[^\n]*")


def read(text: str, *, max_chars: int) -> dict[str, Any]:
    """The table in `text`.

    Raises:
        Malformed: `toml.malformed`. Callers give it the code of their file.
    """
    if len(text) > max_chars:
        raise Malformed("toml.malformed", f"it may have at most {max_chars} characters")
    if any(line.count(".") > MAX_DOTS for line in _QUOTED.sub("", text).split("\n")):
        raise Malformed("toml.malformed", f"a line of it has more than {MAX_DOTS} dots outside of quotes")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Malformed("toml.malformed", "it is nested too deep") from None
    except ValueError as error:  # among them integers of more digits than Python reads
        raise Malformed("toml.malformed", f"it is not TOML ({error})") from None
