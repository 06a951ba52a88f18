"""What is checked of one answer, with answers that only a broken enclave could seal: the last line of defence."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

import msgspec
import pytest

from tests.tools.service import MemoryService, now
from tobari.base import wire
from tobari.base.errors import TobariError
from tobari.base.messages import link
from tobari.base.messages.command import Answer, ErrorReport, Outcome
from tobari.base.messages.relay import Relayed
from tobari.client.answer import open_answer, result_of
from tobari.client.command import Call, SignedCommand, sign_command
from tobari.client.result import Result
from tobari.crypto.envelope import ReplyKey, seal_request
from tobari.crypto.hpke import Kem, RecipientPublicKey
from tobari.evidence import bundle
from tobari.evidence.claims import read_bound
from tobari.evidence.verify import verify
from tobari.ledger.note import NoteKey

CALLS = [
    Call(program="currency", command="issue", args={"to": "bank", "amount": 5}),
    Call(program="currency", command="transfer", args={"to": "shop", "amount": 9}),
    Call(program="currency", command="issue", args={"to": "bank", "amount": 5}),
]


@dataclasses.dataclass(frozen=True)
class Exchange:
    """One envelope as the enclave answered it, taken apart."""

    commands: list[SignedCommand]
    answer: Answer
    reply: ReplyKey
    note: str
    key: NoteKey

    def open(self, **changes: Any) -> Any:
        sealed = self.reply.seal(wire.to_cbor(msgspec.structs.replace(self.answer, **changes)))
        relayed = Relayed(response=sealed, checkpoint=self.note, consistency=[])
        return open_answer(relayed, reply=self.reply, key=self.key, commands=len(self.commands))

    def result(self, index: int, outcome: Outcome | None = None, *, command: int | None = None) -> Result:
        outcome = outcome or self.answer.outcomes[index]
        signed = self.commands[index if command is None else command]
        return result_of(
            outcome,
            command_id=signed.id,
            signed=signed.signed,
            note=self.note,
            key=self.key,
        )

    def placed(self, which: int, /, **changes: Any) -> Outcome:
        """An outcome with another placement."""
        outcome = self.answer.outcomes[which]
        return msgspec.structs.replace(outcome, placement=msgspec.structs.replace(outcome.placement, **changes))


@pytest.fixture
def exchange(service: MemoryService) -> Exchange:
    service.give(link.Attest(request=0, nonce=bytes(32)))
    verified = verify(bundle.decode(service.evidence[0]), at=now())
    claims = read_bound(verified.claims, report_data=verified.report_data)
    commands = [
        sign_command(call, service.keys["bank"], service=claims.service, now=now(), lifetime=60) for call in CALLS
    ]
    keys = {entry.kem: entry.key for entry in claims.kems}
    envelope, reply = seal_request(
        RecipientPublicKey(Kem.X25519, keys[Kem.X25519]),
        service_id=claims.service,
        epoch=1,
        commands=[command.signed for command in commands],
    )
    service.give(link.Call(request=1, envelope=envelope))
    answer = wire.from_cbor(reply.open(service.replies[1]), Answer, max_bytes=1 << 20)
    return Exchange(commands, answer, reply, service.disk.checkpoint, service.key)


def code_of(act: Any) -> str:
    with pytest.raises(TobariError) as caught:
        act()
    return caught.value.code


def test_the_answer_holds_as_it_was_sealed(exchange):
    assert exchange.open().outcomes == exchange.answer.outcomes
    results = [exchange.result(index) for index in range(3)]
    assert [result.status for result in results] == ["COMMITTED", "INVALID", "COMMITTED"]
    assert [result.value for result in results] == [5, None, 10]
    assert [result.receipt.index for result in results] == [1, 2, 3]


def test_one_outcome_for_each_command(exchange):
    for outcomes in ([], exchange.answer.outcomes[:2], [*exchange.answer.outcomes, exchange.answer.outcomes[0]]):
        assert code_of(lambda outcomes=outcomes: exchange.open(outcomes=outcomes)) == "client.answer"


def test_the_answer_speaks_of_the_relayed_checkpoint(exchange):
    assert code_of(lambda: exchange.open(tree_size=exchange.answer.tree_size + 1)) == "client.checkpoint"
    assert code_of(lambda: exchange.open(root_hash=bytes(32))) == "client.checkpoint"


def test_swapped_outcomes(exchange):
    """Two issues of the same amount differ in their command alone."""
    assert code_of(lambda: exchange.result(0, command=2)) == "client.receipt"
    assert code_of(lambda: exchange.result(2, command=0)) == "client.receipt"


def test_swapped_receipts(exchange):
    outcomes = exchange.answer.outcomes
    swapped = msgspec.structs.replace(outcomes[0], placement=outcomes[2].placement)
    assert code_of(lambda: exchange.result(0, swapped)) == "client.receipt"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"index": 2}, "client.receipt"),
        ({"proof": None}, "client.receipt"),
        ({"proof": []}, "ledger.inclusion"),
        ({"salt": bytes(32)}, "receipt.claims"),
        ({"salt": b""}, "ledger.salt"),
        ({"claims": b""}, "receipt.claims"),
        ({"header": b"\xa0"}, "message.malformed"),
        ({"header": b""}, "cbor.malformed"),
    ],
)
def test_a_placement_that_does_not_hold(exchange, changes, code):
    assert code_of(lambda: exchange.result(0, exchange.placed(0, **changes))) == code


def test_another_value_than_the_logged_one(exchange):
    for value in (6, None, "5", 5.0, [5]):
        outcome = msgspec.structs.replace(exchange.answer.outcomes[0], value=value)
        assert code_of(lambda outcome=outcome: exchange.result(0, outcome)) == "client.receipt", value


def test_another_status_than_the_logged_one(exchange):
    report = ErrorReport(status=409, code="currency.funds", message="x")
    refused = msgspec.structs.replace(exchange.answer.outcomes[0], status="INVALID", error=report)
    assert code_of(lambda: exchange.result(0, refused)) == "client.receipt"


def test_another_reason_than_the_logged_one(exchange):
    report = ErrorReport(status=409, code="currency.funds", message="another reason")
    refused = msgspec.structs.replace(exchange.answer.outcomes[1], error=report)
    assert code_of(lambda: exchange.result(1, refused)) == "client.receipt"


def test_a_value_that_did_not_fit_is_committed_all_the_same(exchange):
    report = ErrorReport(status=413, code="envelope.too_large", message="x")
    outcome = msgspec.structs.replace(exchange.answer.outcomes[0], value=None, error=report)
    result = exchange.result(0, outcome)
    assert (result.status, result.error.code) == ("COMMITTED", "envelope.too_large")
    assert result.receipt is not None


def test_a_reply_under_another_key(exchange):
    sealed = ReplyKey(secrets.token_bytes(32), b"x").seal(wire.to_cbor(exchange.answer))
    relayed = Relayed(response=sealed, checkpoint=exchange.note, consistency=[])
    assert code_of(lambda: open_answer(relayed, reply=exchange.reply, key=exchange.key, commands=3)) == "response.open"
