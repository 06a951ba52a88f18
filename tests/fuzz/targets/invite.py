"""Invites: any text is one that agrees with itself, or refused. The first byte `P` wraps the rest as a payload."""

from __future__ import annotations

import base64

from tests.tools import machines
from tobari.base import cbor
from tobari.base.errors import TobariError
from tobari.client.attestation import origin_of, service_id_of
from tobari.client.invite import Invite, parse
from tobari.crypto.signing import SigningKey
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.note import NoteKey
from tobari.ledger.path import EMPTY_ROOT

KEY = SigningKey.from_seed(bytes(32))
SERVICE = service_id_of(KEY.public)
POLICY = '[platform.virtual]\nroots = ["' + "ab" * 32 + '"]\n[[platform.virtual.reference_values]]\n'
POLICY += f'measurements = {{code = "{"cd" * 32}"}}\n'


def run(data: bytes) -> None:
    if data[:1] == b"P":
        text = "http://h/#tobari1." + base64.urlsafe_b64encode(data[1:]).rstrip(b"=").decode()
    else:
        text = data.decode("utf-8", "surrogateescape")
    try:
        invite = parse(text)
    except TobariError:
        return
    assert parse(invite.encode()) == invite
    assert invite.key.key == KEY.public or invite.service == service_id_of(invite.key.key)


def seeds() -> dict[str, bytes]:
    note = Checkpoint(origin=origin_of(SERVICE), tree_size=0, root_hash=EMPTY_ROOT).sign(KEY)
    key = NoteKey(name=origin_of(SERVICE), key=KEY.public)
    invite = Invite(url="http://host.example:8420", key=key, service=SERVICE, policy_text=POLICY, checkpoint=note)
    payload = {"vkey": key.vkey, "service": SERVICE, "policy": POLICY, "checkpoint": note}
    return {
        "invite": invite.encode().encode(),
        "payload": b"P" + cbor.encode(payload),
        "other-service": b"P" + cbor.encode({**payload, "service": bytes(32)}),
        "other-policy": b"P" + cbor.encode({**payload, "policy": machines.POLICY.to_toml()}),
        "deep-policy": b"P" + cbor.encode({**payload, "policy": "a = " + "[" * 2000}),
        "bare": b"http://host/#tobari1.",
        "not-utf8": b"http://host/#tobari1.\xff",
    }
