"""Each hospital seals its file twice, for a room of its own and for the common one, and hands it in under its terms."""

from __future__ import annotations

from typing import Any

from tobari.cli.demo import consortium
from tobari.cli.demo.cast import Actor, Cast, Contribution
from tobari.cli.demo.needles import of_hospital
from tobari.cli.demo.report import Report
from tobari.cli.demo.search import entropy, search, search_folder
from tobari.cli.demo.trial import Hospital
from tobari.client import objects
from tobari.client.objects import DataKey
from tobari.client.receipts import save_receipt
from tobari.rules.query.terms import sign_terms
from tobari.rules.query.terms_file import from_toml

RANDOM = 7.9
"""Bits for each byte, above which data looks random."""


def play(report: Report, cast: Cast) -> None:
    report.scene("owners")
    for actor, hospital in zip(cast.hospitals, cast.trial.hospitals, strict=True):
        data = actor.keep("patients.csv", hospital.csv().encode())
        for room in (consortium.room_alone(actor.name), consortium.ROOM):
            actor.contributions[room] = _contribute(actor, data.read_bytes(), room=room)
        _sealed(report, cast, actor, hospital)
        _inspected(report, actor, hospital)
    _private(report, cast)


def _contribute(actor: Actor, data: bytes, *, room: str) -> Contribution:
    key = DataKey.generate()
    actor.keep(f"{room}.key", key.secret.hex().encode())
    text = actor.keep(f"{room}.terms.toml", consortium.terms(room).encode()).read_text("utf-8")
    sealed = objects.seal(data, key, object_index=0)
    actor.session.upload(sealed)
    done = actor.session.call(
        "room",
        "contribute",
        {
            "room": room,
            "terms": sign_terms(from_toml(text, dataset=key.dataset), key=actor.key),
            "objects": [sealed.ref],
            "format": "csv",
            "data_key": key.secret,
        },
    )
    assert done.receipt is not None  # a committed command without one is refused by the session
    save_receipt(actor.folder / f"{room}.tlog-proof", done.receipt)
    actor.wait(done.value["job"])
    return Contribution(room=room, key=key, sealed=sealed, entry=done.receipt.index, job=done.value["job"])


def _sealed(report: Report, cast: Cast, actor: Actor, hospital: Hospital) -> None:
    """What the operator got, as it lies on its disk."""
    plain = hospital.csv().encode()
    names = {contribution.sealed.ref.root.hex() for contribution in actor.contributions.values()}
    stored = [path.read_bytes() for path in (cast.service.data / "objects").rglob("*") if path.name in names]
    needles = of_hospital(hospital, list(actor.contributions.values()))
    bits = min(map(entropy, stored), default=0.0)
    found = [name for data in stored for name in search(data, needles).found]
    # The control: what is not found in the owner's own files either was not looked for.
    control = search_folder(actor.folder, needles).found
    report.check(
        "owner.sealed",
        len(stored) == len(names) and bits > RANDOM and not found and len(control) == len(needles),
        hospital=actor.name,
        plain=len(plain),
        plain_bits=entropy(plain),
        sealed=max(map(len, stored), default=0),
        sealed_bits=bits,
        needles=len(needles),
    )


def _inspected(report: Report, actor: Actor, hospital: Hospital) -> None:
    """What the enclave counted, told to the owner alone; compared with what the owner knows."""
    counted = [
        dataset
        for room in actor.contributions
        for dataset in actor.session.query("room", "describe", {"room": room})
        if dataset["owner"] == actor.name
    ]
    patients = len(hospital.patients)
    expected: list[tuple[Any, ...]] = [("ready", patients, patients, {})] * len(actor.contributions)
    found = [(one["state"], one.get("rows"), one.get("entities"), one.get("bad_cells")) for one in counted]
    report.check(
        "owner.inspected",
        found == expected,
        hospital=actor.name,
        rows=counted[-1].get("rows"),
        entities=counted[-1].get("entities"),
        bad=sum((counted[-1].get("bad_cells") or {}).values()),
        entry=actor.contributions[consortium.ROOM].entry,
    )


def _private(report: Report, cast: Cast) -> None:
    described = cast.analyst.session.query("room", "describe", {"room": consortium.ROOM})
    owners = sorted(dataset["owner"] for dataset in described)
    counts = [name for dataset in described for name in ("rows", "entities", "bad_cells") if name in dataset]
    report.check("owner.private", owners == sorted(consortium.HOSPITALS) and not counts, member=cast.analyst.name)
