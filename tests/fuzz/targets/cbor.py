"""Canonical CBOR and every message read from it: one spelling, and what was read says the same when written again."""

from __future__ import annotations

from typing import Any

import cbor2

from tests.tools import machines
from tobari.base import cbor, wire
from tobari.base.errors import TobariError
from tobari.base.messages import link
from tobari.base.messages.command import Answer, Command, CommandClaims
from tobari.base.messages.genesis import Genesis, Member
from tobari.base.messages.relay import Relayed
from tobari.base.principal import Role
from tobari.enclave.identity import ServiceSecrets
from tobari.enclave.sealed_log import BootRecord, PublicRecord, SealedRecord
from tobari.enclave.state import Dump
from tobari.enclave.workers.job import Assignment, Inspection, Rows
from tobari.enclave.workers.report import FromWorker, ToKeeper, ToServer
from tobari.evidence.bundle import EvidenceBundle
from tobari.evidence.claims import Claims
from tobari.ledger.entry import LeafHeader
from tobari.rules.query.terms import DataTerms

LIMIT = 1 << 16
KINDS: list[Any] = [
    Answer,
    Assignment,
    BootRecord | PublicRecord,
    Claims,
    Command,
    CommandClaims,
    DataTerms,
    Dump,
    EvidenceBundle,
    FromWorker,
    Genesis,
    Inspection,
    LeafHeader,
    Relayed,
    Rows,
    SealedRecord,
    ServiceSecrets,
    link.ToEnclave,
    link.ToHost,
    ToKeeper,
    ToServer,
]


def run(data: bytes) -> None:
    try:
        value = cbor.decode(data, max_bytes=LIMIT)
    except TobariError:
        return
    assert cbor.encode(value) == cbor2.dumps(value, canonical=True) == data
    for kind in KINDS:
        try:
            message = wire.convert(value, kind)
        except TobariError:
            continue
        wire.from_cbor(wire.to_cbor(message), kind, max_bytes=2 * LIMIT)


def seeds() -> dict[str, bytes]:
    member = Member(name="bank", key="ab" * 32, roles=[Role.ISSUER])
    messages: dict[str, Any] = {
        "command": Command(
            program="currency", command="issue", args={"to": "a"}, audience=bytes(32), id=bytes(16), expires=1
        ),
        "genesis": Genesis(name="test", members=[member], programs=["currency"]),
        "claims": machines.CLAIMS,
        "header": LeafHeader(seq=1, term=1, time=2, public=bytes(32), sealed=bytes(32), claims=bytes(32)),
        "boot": link.Boot(genesis=b"g", sealed=None, snapshot=None, checkpoint="c", log_size=0),
        "append": link.Append(batch=1, first=0, entries=[link.Entry(header=b"h", public=b"", sealed=b"s")]),
        "rows": Rows(columns=["n"], types=["real"], rows=[[1.5, None, "x", True]]),
    }
    odd = {
        "deep": b"\x81" * 30 + b"\x00",
        "duplicate-keys": bytes.fromhex("a2616101616102"),
        "indefinite": bytes.fromhex("9f01ff"),
        "long-form": bytes.fromhex("1801"),
        "huge-array": bytes.fromhex("9bffffffffffffffff"),
        "tag": bytes.fromhex("c249010000000000000000"),
        "nan": bytes.fromhex("f97e01"),
    }
    return {name: wire.to_cbor(message) for name, message in messages.items()} | odd
