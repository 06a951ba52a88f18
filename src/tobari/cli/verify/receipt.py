"""`tobari verify receipt`: proof that a log holds an entry, checked against the key of a service one knows."""

from __future__ import annotations

from pathlib import Path

from tobari.base import wire
from tobari.base.errors import NotFound, Untrusted
from tobari.base.logtime import to_text
from tobari.cli import texts
from tobari.cli.failures import local_input
from tobari.cli.output import Output, hexed
from tobari.cli.verify.anchor import claimed, decline, find_anchor
from tobari.client import receipts


def verify_receipt(output: Output, file: Path, *, service: str | None) -> None:
    """Print what the receipt proves.

    Raises:
        Declined: it proves nothing, or nobody known signed it.
        BadInput: it is no receipt.
    """
    with local_input():
        receipt = receipts.load_receipt(file)
    unverified = claimed(receipt.checkpoint) | {"index": receipt.index}
    try:
        key = find_anchor(service, origin=unverified.get("origin"))
        with local_input():
            report = receipts.verify_receipt(receipt, key=key)
    except (Untrusted, NotFound) as error:
        raise decline(output, unverified, error) from None
    output.document({"verdict": "accepted", "reason": "receipt.verified", **hexed(wire.to_builtins(report))})
    output.text(*report.steps)
    output.facts(
        {
            name: value
            for name, value in (
                ("time", to_text(report.time)),
                ("status", report.status),
                ("command", report.command and report.command.hex()),
                ("value", report.value and report.value.hex()),
            )
            if value is not None
        }
    )
    output.text(
        texts.say(
            "receipt.good",
            index=report.index,
            origin=report.origin,
            size=report.tree_size,
            cosigned=report.cosigned,
        )
    )
    output.warn(texts.say("uncosigned"))
