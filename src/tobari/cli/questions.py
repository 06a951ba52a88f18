"""What `tobari room` does: describe a room, ask it, and print releases."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any

from tobari.base.errors import NotFound
from tobari.base.logtime import to_text
from tobari.cli import call, failures, texts
from tobari.cli.connection import connected
from tobari.cli.jobs import wait_for
from tobari.cli.output import Output, hexed, printable, shown
from tobari.client.session import Session


def describe_room(output: Output, room: str, *, service: str | None, key: str | None) -> None:
    """Print the datasets of a room and the terms of each.

    Raises:
        TobariError: the service refused.
    """
    with connected(output, service, key) as session:
        datasets = _datasets(session, room)
    output.document({"room": room, "datasets": datasets})
    for entry in datasets:
        output.text(f"{entry['owner']}: dataset {entry['dataset']}, {entry['state']}")
        if (terms := entry.get("terms")) is None:
            continue  # one of the signer's own that was refused or withdrawn
        output.facts(
            {
                "  purpose": terms["purpose"],
                "  entity": terms["entity"],
                "  minimum group": terms["min_group"],
                "  recipients": ", ".join(terms["recipients"]),
                "  expires": "never" if terms["expires"] is None else to_text(terms["expires"]),
            }
        )
        output.table(
            ("column", "type", "role", "may be used to", "aggregates"),
            [
                (name, rule["type"], rule["role"], ", ".join(rule["uses"]), ", ".join(rule["aggregates"]))
                for name, rule in sorted(terms["columns"].items())
            ],
        )


def ask(
    output: Output, room: str, sql: str, *, form: str, receipt: Path | None, service: str | None, key: str | None
) -> None:
    """Submit a question, wait for its release, and print it.

    Raises:
        TobariError: the terms do not allow it, or the service refused.
    """
    with connected(output, service, key) as session:
        result = session.call("room", "run", {"room": room, "sql": sql})
        placed = call.document(result)
        unsaved = call.save(result, receipt, placed)
        if (job := result.value["job"]) is not None:
            output.warn(texts.say("room.job", job=job.hex()))
            wait_for(output, session, job, what="Computing")
        release = _held(output, session, result.value["release"])
    failed = {} if unsaved is None else failures.document(unsaved)
    _print(output, release, form=form, more={"receipt": placed["receipt"], **failed})
    if form == "table":
        call.show_place(output, placed)
    if unsaved is not None:
        raise failures.Declined(unsaved)


def list_releases(output: Output, room: str, *, service: str | None, key: str | None) -> None:
    """Print the releases of a room that the signer may know of.

    Raises:
        TobariError: the service refused.
    """
    with connected(output, service, key) as session:
        found = hexed(session.query("room", "releases", {"room": room}))
        if not found:
            _datasets(session, room)
    output.document({"room": room, "releases": found})
    output.table(
        ("release", "by", "time", "datasets"),
        [(entry["id"], entry["by"], to_text(entry["time"]), str(len(entry["datasets"]))) for entry in found],
    )


def fetch_release(output: Output, release: bytes, *, form: str, service: str | None, key: str | None) -> None:
    """Print one release.

    Raises:
        TobariError: the service refused.
    """
    with connected(output, service, key) as session:
        found = _held(output, session, release)
    _print(output, found, form=form, more={"receipt": None})


def cancel_job(output: Output, job: bytes, *, service: str | None, key: str | None) -> None:
    """Cancel a job of the signer's own.

    Raises:
        TobariError: the service refused.
    """
    with connected(output, service, key) as session:
        placed = call.document(session.call("room", "cancel", {"job": job}))
    output.document({"job": job.hex(), "state": "cancelled", "receipt": placed["receipt"]})
    call.show_place(output, placed)


def _datasets(session: Session, room: str) -> list[dict[str, Any]]:
    """The datasets of a room. One that nobody has contributed to is, from outside, the same as a misspelt name.

    Raises:
        NotFound: `cli.no_room`.
    """
    found: list[dict[str, Any]] = hexed(session.query("room", "describe", {"room": room}))
    if not found:
        raise NotFound("cli.no_room", f"Nobody has contributed to a room named {room}: is that its name?")
    return found


def _held(output: Output, session: Session, release: bytes) -> dict[str, Any]:
    """A release, after it was held against the log.

    Raises:
        Untrusted: `release.*`; nothing of it is printed.
    """
    found: dict[str, Any] = session.query("room", "release", {"release": release})
    output.warn(texts.say("room.held", entry=session.verify_release(found)))
    return found


def _print(output: Output, release: dict[str, Any], *, form: str, more: dict[str, Any]) -> None:
    table = release["result"]
    about = hexed({name: value for name, value in release.items() if name != "result"})
    output.document(about | {name: table[name] for name in ("columns", "types", "rows")} | more)
    if form == "csv" and not output.json:
        print(_csv(table["columns"], table["rows"]), end="", flush=True)
        return
    output.table(table["columns"], [[shown(cell) for cell in row] for row in table["rows"]])
    output.facts({"release": about["id"], "terms": ", ".join(about["terms"]), "result": about["result_digest"]})


def _csv(columns: list[str], rows: list[list[Any]]) -> str:
    """RFC 4180 with line feeds. An empty cell is NULL."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([shown(cell) for cell in row] for row in rows)
    return printable(text.getvalue()) if sys.stdout.isatty() else text.getvalue()
