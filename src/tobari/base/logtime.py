"""Log time: milliseconds since 1970 that never run backwards.

Log time is max(previous, host clock). The host can hold it back or push it forward, never turn it back. What hangs on
real time must not hang on it alone (docs/explanation/threat-model.md).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NewType

LogTime = NewType("LogTime", int)
"""Milliseconds since 1970-01-01T00:00:00Z."""

MINUTE = 60_000


def advance(previous: LogTime, host_clock: int) -> LogTime:
    """The log time of what is written now."""
    return LogTime(max(previous, host_clock))


def to_text(time: int) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
