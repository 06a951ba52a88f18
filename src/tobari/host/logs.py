"""The host's own log: events with a stable code, as text or as lines of JSON, and nothing that came from outside.

Our events are written `CODE: what happened`, and their arguments are counts, codes and addresses of our own. Of what
libraries log only their name and the kind of the error are kept: their texts may quote a request.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

Format = Literal["text", "json"]
_OURS = "tobari."


def configure(log_format: Format) -> None:
    """Write the log of this process to standard error, events from `info` on as JSON, from `warning` on as text."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if log_format == "json" else Text())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("tobari").setLevel(logging.INFO if log_format == "json" else logging.WARNING)


class Text(logging.Formatter):
    """One line: code and text."""

    def format(self, record: logging.LogRecord) -> str:
        code, text = _event(record)
        return f"{code}: {text}"


class Json(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, event, text, and counts if there are any."""

    def format(self, record: logging.LogRecord) -> str:
        code, text = _event(record)
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"time": time, "level": record.levelname.lower(), "event": code, "text": text}
        counts = getattr(record, "counts", None)
        if counts is not None:
            line["counts"] = counts
        return json.dumps(line)


def _event(record: logging.LogRecord) -> tuple[str, str]:
    if record.name.startswith(_OURS):
        code, _, text = record.getMessage().partition(": ")
        return code, text
    kind = record.exc_info[0] if record.exc_info else None
    return "host.library", f"{record.name} reported {kind.__name__ if kind else 'something'}; its text is not logged"
