"""`tobari dataset contribute` and `withdraw`: seal here, upload, hand in under signed terms, wait for the inspection.

The data key is made here for this dataset alone, goes to the service sealed, and is kept nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tobari.base import wire
from tobari.base.errors import Unauthorized
from tobari.cli import call, texts
from tobari.cli.connection import connected
from tobari.cli.dataset.check import read_terms
from tobari.cli.dataset.survey import format_of, survey
from tobari.cli.failures import local_input
from tobari.cli.jobs import wait_for
from tobari.cli.output import Output
from tobari.client import objects
from tobari.client.objects import DataKey, SealedObject
from tobari.client.profile import Profile
from tobari.client.session import Session
from tobari.crypto.signing import SigningKey
from tobari.rules.query.terms import DataTerms, sign_terms


def contribute_dataset(
    output: Output, file: Path, *, terms: Path, room: str | None, service: str | None, key: str | None
) -> None:
    """Print the dataset's id and what the inspection counted.

    Raises:
        BadInput: the file or the terms are at fault.
        TobariError: the service, or the inspection, refused.
    """
    data_key = DataKey.generate()
    rules = _rules(terms, room=room, dataset=data_key.dataset)
    with local_input():
        file_format = format_of(file)
        if file_format == "csv":
            survey(file, rules)
    signer = _signer(service, key)
    with connected(output, service, key) as session:
        sealed = _upload(output, session, file, data_key)
        arguments = {
            "room": rules.room,
            "terms": sign_terms(rules, key=signer),
            "objects": [wire.to_builtins(sealed.ref)],
            "format": file_format,
            "data_key": data_key.secret,
        }
        result = session.call("room", "contribute", arguments)
        wait_for(output, session, result.value["job"], what="Inspecting")
        described = session.query("room", "describe", {"room": rules.room})
    counted: dict[str, Any] = next((entry for entry in described if entry["dataset"] == data_key.dataset), {})
    known: dict[str, Any] = {
        "dataset": data_key.dataset.hex(),
        "room": rules.room,
        "terms": rules.digest().hex(),
        "state": counted.get("state"),
        "rows": counted.get("rows"),
        "entities": counted.get("entities"),
        "bad_cells": counted.get("bad_cells"),
        "receipt": (placed := call.document(result))["receipt"],
    }
    output.document(known)
    output.text(texts.say("dataset.done", dataset=known["dataset"], rows=known["rows"], entities=known["entities"]))
    for column, count in (known["bad_cells"] or {}).items():
        output.text(f"Column '{column}': {count} cells hold no value of its type and count as empty.")
    call.show_place(output, placed)


def withdraw_dataset(output: Output, dataset: bytes, *, service: str | None, key: str | None) -> None:
    """Withdraw a dataset of one's own.

    Raises:
        TobariError: the service refused.
    """
    with connected(output, service, key) as session:
        result = session.call("room", "withdraw", {"dataset": dataset})
    placed = call.document(result)
    output.document({"dataset": dataset.hex(), "state": "withdrawn", "receipt": placed["receipt"]})
    output.text(texts.say("dataset.withdrawn"))
    call.show_place(output, placed)


def _rules(path: Path, *, room: str | None, dataset: bytes) -> DataTerms:
    rules = read_terms(path, dataset=dataset)
    if room is None:
        return rules
    with local_input():
        return wire.convert({**msgspec.structs.asdict(rules), "room": room}, DataTerms)


def _signer(service: str | None, key: str | None) -> SigningKey:
    profile = Profile.default()
    name = key or profile.service(service).key
    if name is None:
        raise Unauthorized("client.no_key", "Data terms are signed by their owner: name a key of yours with --key.")
    return profile.key(name)


def _upload(output: Output, session: Session, file: Path, data_key: DataKey) -> SealedObject:
    with output.progress("Sealing") as move:
        sealed = objects.seal(file, data_key, object_index=0, progress=lambda done, total: move(done, total, "Sealing"))
        session.upload(sealed, progress=lambda done, total: move(done, total, "Uploading"))
    return sealed
