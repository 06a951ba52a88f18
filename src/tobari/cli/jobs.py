"""Waiting for a room's job: progress on stderr, and its failure as an error."""

from __future__ import annotations

import time
from typing import Any

from tobari.base.errors import TobariError, from_status
from tobari.cli.output import Output
from tobari.client.session import Session

_SHORTEST, _LONGEST = 0.1, 2.0
"""Seconds between two questions: short at first, since most jobs are."""


def wait_for(output: Output, session: Session, job: bytes, *, what: str) -> None:
    """Return once the job is done.

    Raises:
        TobariError: what the job failed of, or that it was cancelled; and as `Session.query` says.
    """
    pause = _SHORTEST
    with output.progress(what) as move:
        while True:
            state: dict[str, Any] = session.query("room", "job", {"job": job})
            if state["state"] == "done":
                return
            if state["state"] != "running":
                raise _failure(state)
            move(state["fraction"], 1.0, f"{what}: {state['phase']}")
            time.sleep(pause)
            pause = min(_LONGEST, pause * 1.5)


def _failure(state: dict[str, Any]) -> TobariError:
    report = state["error"]
    return from_status(report["status"], report["code"], report["message"])
