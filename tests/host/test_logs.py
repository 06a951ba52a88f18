"""tobari.host.logs: events as lines that programs read, and nothing in them that came from outside."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.host import running
from tobari.host.logs import Json, Text

CANARY = "canary7f3a"


def own_lines(errors: str) -> list[dict[str, Any]]:
    """The host's lines; the enclave process speaks for itself beside them."""
    return [json.loads(line) for line in errors.splitlines() if line.startswith("{")]


def test_every_event_is_a_line_of_json_without_data(tmp_path: Path) -> None:
    with running.host(tmp_path, log_format="json") as host:
        host.http.get(f"/v1/{CANARY}?{CANARY}=1", headers={CANARY: CANARY, "user-agent": CANARY})
        host.http.put(f"/v1/objects/{'ab' * 32}", content=CANARY)
        host.call(b"query:" + CANARY.encode())
        with host.connect() as line:
            line.sendall(f"{CANARY} is no HTTP at all\r\n\r\n".encode())
            line.recv(1000)
        host.call(b"halt")
        code, _, errors = host.ended()
    assert code == 1
    assert CANARY not in errors
    lines = own_lines(errors)
    assert [line["event"] for line in lines if line["level"] == "info"] == ["host.ready", "host.stopped"]
    assert lines[0]["counts"] == {"log_size": 1, "object_bytes": 0}
    assert any(line["event"] == "host.halted" and line["level"] == "error" for line in lines)
    for line in lines:
        assert {"time", "level", "event", "text"} <= set(line) <= {"time", "level", "event", "text", "counts"}
        assert line["time"].endswith("Z")


def record(name: str, message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, None)
    return logging.LogRecord(name, logging.ERROR, "file.py", 1, message, args, info)


@pytest.mark.parametrize("formatter", [Json(), Text()])
def test_what_libraries_say_is_not_repeated(formatter: logging.Formatter) -> None:
    text = formatter.format(record("asyncio", f"Task failed: {CANARY} %s", CANARY, error=ValueError(CANARY)))
    assert CANARY not in text
    assert "host.library" in text
    assert "asyncio reported ValueError" in text


def test_text_is_one_line_with_its_code() -> None:
    line = Text().format(record("tobari.host", "host.stop: it did not stop within %d s", 20))
    assert line == "host.stop: it did not stop within 20 s"
