"""`tobari verify log`: a whole log, out of a mirrored folder or from a running service (spec/ledger.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tobari.base import wire
from tobari.base.errors import NotFound, TooLarge, Untrusted
from tobari.base.logtime import to_text
from tobari.cli import texts
from tobari.cli.failures import BadInput
from tobari.cli.output import Output, Progress, hexed
from tobari.cli.verify.anchor import claimed, decline, earlier_checkpoint, find_anchor
from tobari.client.log_files import is_address, mirror, read_folder, read_url
from tobari.ledger.audit import AuditReport, audit
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.note import NoteKey
from tobari.ledger.tiles import WIDTH, Read


def verify_log(output: Output, source: str, *, service: str | None, save: Path | None) -> None:
    """Print what holds of the log.

    Raises:
        Declined: it does not hold, or nobody known signed it.
        BadInput: the folder is none.
        TobariError: the service cannot be reached.
    """
    with _open(source) as read:
        note = read("checkpoint")
        unverified = claimed(note.decode(errors="replace")) if note else {}
        try:
            key = find_anchor(service, origin=unverified.get("origin"))
            earlier = earlier_checkpoint(key)
            report = _audit(output, read, key=key, earlier=earlier, size=unverified.get("tree_size", 0))
        except (Untrusted, NotFound, TooLarge) as error:
            raise decline(output, unverified, error) from None
        if save is not None:
            _save(output, read, save, key=key, verified=report)
    output.document(
        {
            "verdict": "accepted",
            "reason": "log.verified",
            **hexed(wire.to_builtins(report)),
            "cosigned": "uncosigned",
            "earlier_tree_size": None if earlier is None else earlier.tree_size,
            "saved": None if save is None else str(save),
        }
    )
    _show(output, report, earlier)


@contextmanager
def _open(source: str) -> Iterator[Read]:
    if is_address(source):
        with read_url(source) as read:
            yield read
        return
    if not Path(source).is_dir():
        raise BadInput(NotFound("cli.file", f"{source} is no folder: give the folder or the address of a log."))
    yield read_folder(Path(source))


def _audit(output: Output, read: Read, *, key: NoteKey, earlier: Checkpoint | None, size: int) -> AuditReport:
    with output.progress("Verifying the log") as move:
        return audit(_counted(read, move, size), key=key, earlier=earlier)


def _counted(read: Read, move: Progress, size: int) -> Read:
    """The same files, counted: each bundle of 256 entries has a tile, its entries and its public bodies."""
    total, done = 3 * -(-size // WIDTH), 0

    def counting(path: str) -> bytes | None:
        nonlocal done
        done += 1
        move(min(done, total), total, "Verifying the log")
        return read(path)

    return counting


def _save(output: Output, read: Read, folder: Path, *, key: NoteKey, verified: AuditReport) -> None:
    """Mirror the log, and verify that the mirror is what was verified before, or what it grew to since.

    Raises:
        Untrusted: as `audit` says; the folder then holds what did not hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with output.progress("Copying the log") as move:
        mirror(read, folder, key=key, progress=lambda done, total: move(done, total, "Copying the log"))
    before = Checkpoint(origin=verified.origin, tree_size=verified.tree_size, root_hash=verified.root_hash)
    audit(read_folder(folder), key=key, earlier=before)


def _show(output: Output, report: AuditReport, earlier: Checkpoint | None) -> None:
    facts: dict[str, object] = {"tree size": report.tree_size, "root hash": report.root_hash.hex()}
    if report.first_time is not None and report.last_time is not None:
        facts |= {"first entry": to_text(report.first_time), "last entry": to_text(report.last_time)}
    output.facts(facts | {"public bodies": report.public_present, "pruned": report.public_pruned})
    output.text(texts.say("log.good", entries=report.entries, origin=report.origin))
    if earlier is not None:
        output.text(texts.say("log.grown", size=earlier.tree_size))
    output.warn(texts.say("uncosigned"))
