"""Our own vectors of commands and objects, through the public functions; commands go to a real keeper."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import msgspec
import pytest

from tests.tools.service import MemoryService
from tobari.base import wire
from tobari.base.errors import TobariError
from tobari.base.messages import link
from tobari.base.messages.command import Answer
from tobari.base.messages.genesis import Genesis, Member
from tobari.base.messages.objects import ObjectRef
from tobari.base.messages.relay import MAX_RELAYED, Relayed
from tobari.client.answer import open_answer, results_of
from tobari.client.command import SignedCommand
from tobari.client.flow import Blocking, Response
from tobari.client.history import History
from tobari.client.objects import DataKey, Opener, seal
from tobari.client.trust import Seen, TrustStore
from tobari.crypto.envelope import ReplyKey, open_request, seal_request, service_keys
from tobari.crypto.hpke import Kem, RecipientKey
from tobari.crypto.padding import pad, unpad
from tobari.enclave.identity import ServiceSecrets
from tobari.enclave.platform.virtual import VirtualPlatform
from tobari.ledger.checkpoint import open_checkpoint
from tobari.ledger.note import NoteKey
from vectors import generate_command, generate_object

COMMAND, OBJECT = generate_command.FOLDER, generate_object.FOLDER
SERVICE = json.loads((COMMAND / "service.json").read_text("utf-8"))
SERVICE_ID = bytes.fromhex(SERVICE["service"])
KEYS = service_keys({Kem(kem): bytes.fromhex(seed) for kem, seed in SERVICE["kems"].items()})
NOTE_KEY = NoteKey.from_vkey(SERVICE["vkey"])


def cases(folder: pathlib.Path, name: str) -> list[Any]:
    found = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return [pytest.param(case, id=case["name"]) for case in found]


def check(case: dict[str, Any], act: Any) -> None:
    """`act` does as the case expects."""
    if case["expect"] == "ok":
        act()
        return
    with pytest.raises(TobariError) as caught:
        act()
    assert caught.value.code == case["expect"]


def given_bytes(case: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(case[name]).ljust(case.get("zeros_up_to", 0), b"\0")


@pytest.mark.parametrize("case", [*cases(COMMAND, "envelopes"), *cases(COMMAND, "hybrid")])
def test_envelope(case: dict[str, Any]) -> None:
    def act() -> None:
        opened = open_request(KEYS, given_bytes(case, "envelope"), service_id=SERVICE_ID, epoch=SERVICE["epoch"])
        assert [command.hex() for command in opened.commands] == case["commands"]
        if "reply" in case:
            sealed = opened.reply.seal(b"answer")
            reply = ReplyKey(bytes.fromhex(case["reply"]), given_bytes(case, "envelope"))
            assert reply.open(sealed) == b"answer"

    check(case, act)


@pytest.mark.parametrize("case", cases(COMMAND, "responses"))
def test_response(case: dict[str, Any]) -> None:
    reply = ReplyKey(bytes.fromhex(case["reply"]), bytes.fromhex(case["request"]))
    check(case, lambda: _same(reply.open(given_bytes(case, "response")).hex(), case["plaintext"]))


def _same(found: Any, expected: Any) -> None:
    assert found == expected


@pytest.mark.parametrize("case", cases(COMMAND, "padding"))
def test_padding(case: dict[str, Any]) -> None:
    def act() -> None:
        padded = pad(bytes(case["length"]))
        assert len(padded) == case["padded"]
        assert unpad(padded) == bytes(case["length"])

    check(case, act)


def found_service() -> MemoryService:
    """The service of the vectors: its identity and secret are put where a keeper looks for them."""
    service = MemoryService(root=generate_command.ROOT_SECRET)
    service.genesis = Genesis(
        name="vectors",
        members=[wire.convert(member, Member) for member in SERVICE["members"]],
        programs=["currency"],
    )
    service.clock = lambda: generate_command.AT
    service.boot()
    platform = VirtualPlatform(root=service.root, measurement=service.measurement)
    made = ServiceSecrets.from_bytes(platform.unseal(service.disk.sealed or b""))
    secrets = msgspec.structs.replace(
        made, identity=bytes.fromhex(SERVICE["identity"]), cluster=generate_command.CLUSTER, epoch=SERVICE["epoch"]
    )
    service.disk.sealed, service.disk.entries, service.disk.checkpoint = platform.seal(secrets.encode()), [], None
    service.boot()
    assert service.key == NOTE_KEY
    return service


@pytest.mark.parametrize("case", cases(COMMAND, "commands"))
def test_command(case: dict[str, Any]) -> None:
    service = found_service()
    service.clock = lambda: case["at"]
    recipient = RecipientKey(Kem.X25519, bytes.fromhex(SERVICE["kems"]["X25519"])).public
    outcome = None
    for number in range(1 + case["sent_before"]):
        envelope, reply = seal_request(
            recipient, service_id=SERVICE_ID, epoch=SERVICE["epoch"], commands=[bytes.fromhex(case["signed"])]
        )
        service.give(link.Call(request=number, envelope=envelope))
        outcome = wire.from_cbor(reply.open(service.replies[number]), Answer, max_bytes=1 << 20).outcomes[0]
    assert outcome is not None
    assert (outcome.error.code if outcome.error else "ok") == case["expect"]


@pytest.mark.parametrize("case", cases(COMMAND, "answers"))
def test_answer(case: dict[str, Any], trust: TrustStore) -> None:
    commands = [SignedCommand(id=b"", signed=bytes.fromhex(signed)) for signed in case["commands"]]
    reply = ReplyKey(bytes.fromhex(case["reply"]), bytes.fromhex(case["request"]))
    relayed = wire.from_cbor(bytes.fromhex(case["relayed"]), Relayed, max_bytes=MAX_RELAYED)

    def act() -> None:
        answer = open_answer(relayed, reply=reply, key=NOTE_KEY, commands=len(commands))
        seen = None
        if case["seen"] is not None:
            seen = Seen(checkpoint=open_checkpoint(case["seen"], NOTE_KEY), note=case["seen"], seen_at=0)
            trust.replace(SERVICE_ID, seen, expected=None, key=NOTE_KEY)
        history = History(trust=trust, service=SERVICE_ID, key=NOTE_KEY, now=lambda: 0)
        run(history.follow(answer.note, asked=seen, proof=answer.consistency))
        results_of(answer, commands, key=NOTE_KEY)

    check(case, act)


def run(flow: Any) -> None:
    """Of a host that serves no file of the log."""
    effect = next(flow)
    while True:
        try:
            nothing = Response(status=404, media_type="", body=b"")
            effect = flow.send(effect.call() if isinstance(effect, Blocking) else nothing)
        except StopIteration:
            return


def key_of(case: dict[str, Any]) -> DataKey:
    return DataKey(dataset=bytes.fromhex(case["dataset"]), secret=bytes.fromhex(case["data_key"]))


@pytest.mark.parametrize("case", cases(OBJECT, "objects"))
def test_object(case: dict[str, Any]) -> None:
    pattern = bytes.fromhex(case["pattern"])
    plaintext = (pattern * (case["size"] // len(pattern) + 1))[: case["size"]]
    sealed = seal(plaintext, key_of(case), object_index=case["object_index"])
    chunks = list(sealed.chunks())
    assert sealed.ref == ObjectRef(root=bytes.fromhex(case["root"]), size=case["size"])
    assert sum(map(len, chunks)) == case["sealed_size"]
    assert sealed.hashes.hex() == "".join(case["leaf_hashes"])
    if "last_chunk" in case:
        assert chunks[-1].hex() == case["last_chunk"]


@pytest.mark.parametrize("case", cases(OBJECT, "tampered"))
def test_tampered_object(case: dict[str, Any]) -> None:
    known = {found["name"]: found for found in json.loads((OBJECT / "objects.json").read_text("utf-8"))}
    taken = [list(generate_object.SEALED[name].chunks())[index] for name, index in case["chunks"]]
    data = bytearray(b"".join(taken))
    data += bytes(case.get("more", 0))
    del data[len(data) - case.get("cut", 0) :]
    if "flip" in case:
        data[case["flip"]] ^= 1
    target = known[case["as"]]
    ref = ObjectRef(root=bytes.fromhex(target["root"]), size=target["size"])
    opener = Opener(ref, key_of(target), object_index=target["object_index"])
    check(case, lambda: _same(len(opener.feed(bytes(data)) + opener.finish()), target["size"]))


@pytest.mark.parametrize("generator", [generate_command, generate_object], ids=["command", "object"])
def test_the_files_are_current(generator: Any) -> None:
    files = {path.name: path.read_text("utf-8") for path in generator.FOLDER.glob("*.json")}
    assert files == generator.build()
