"""The two faces against a real keeper: what a relying party sees when everybody is honest."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from tests.tools.service import URL, MemoryService
from tobari.base.errors import Conflict, Malformed, NotFound, Refused, TobariError, Unauthorized, Unavailable
from tobari.base.messages.command import ErrorReport, Outcome, Status
from tobari.client.command import Call
from tobari.client.receipts import verify_receipt
from tobari.client.result import Result
from tobari.client.session import AsyncSession, Session
from tobari.enclave.executor import Executor
from tobari.enclave.state import State


def test_a_session_shows_how_the_service_was_appraised(session, service):
    assert session.attestation.verdict == "accepted"
    assert [step.number for step in session.attestation.steps] == list(range(1, 13))
    assert session.attestation.warnings[0].code == "virtual"
    assert session.attested.key == service.key


def test_a_call_returns_the_value_with_a_receipt_that_holds_alone(session, service):
    result = session.call("currency", "issue", {"to": "shop", "amount": 7})
    assert (result.status, result.value) == ("COMMITTED", 7)
    report = verify_receipt(result.receipt, key=service.key)
    assert (report.status, report.cosigned, report.index) == ("COMMITTED", "uncosigned", 1)


def test_a_query_returns_the_value(connect):
    connect("bank").call("currency", "issue", {"to": "shop", "amount": 7})
    assert connect("shop").query("currency", "balance") == 7


def test_a_refusal_is_raised_as_what_it_was_in_the_enclave(connect):
    with pytest.raises(Conflict) as caught:
        connect("shop").call("currency", "transfer", {"to": "bank", "amount": 1})
    assert caught.value.code == "currency.funds"
    with pytest.raises(Refused) as refused:
        connect("shop").call("currency", "issue", {"to": "shop", "amount": 1})
    assert refused.value.code == "command.role"


def test_many_commands_of_one_envelope_fail_one_by_one(session):
    results = session.call_many(
        [
            Call(program="currency", command="issue", args={"to": "bank", "amount": 3}),
            Call(program="currency", command="transfer", args={"to": "shop", "amount": 4}),
            Call(program="currency", command="transfer", args={"to": "shop", "amount": 2}),
            Call(program="currency", command="balance"),
        ]
    )
    assert [result.status for result in results] == ["COMMITTED", "INVALID", "COMMITTED", "ANSWERED"]
    assert results[1].error.code == "currency.funds"
    assert results[1].receipt is not None, "a refusal that spent its id is in the log"
    assert results[3].value == 1
    assert results[3].receipt is None


def test_a_submitted_command_is_asked_for_later(session, service):
    submitted = session.submit("currency", "issue", {"to": "bank", "amount": 5})
    for _ in range(3):
        session.call("currency", "issue", {"to": "bank", "amount": 1})
    for asked in (submitted, submitted.id):
        result = session.status(asked).check()
        assert (result.status, result.value, result.id) == ("COMMITTED", 5, submitted.id)
        assert verify_receipt(result.receipt, key=service.key, signed=submitted.signed).index == 1


def test_the_status_of_a_refused_command_has_its_receipt_too(connect):
    shop = connect("shop")
    submitted = shop.submit("currency", "transfer", {"to": "bank", "amount": 5})
    result = shop.status(submitted)
    assert (result.status, result.error.code) == ("INVALID", "currency.funds")
    assert result.receipt is not None


def test_the_status_of_what_never_came_is_unknown(session):
    never = session.sign("currency", "issue", {"to": "bank", "amount": 5})
    assert session.status(never).status == "UNKNOWN"
    with pytest.raises(TobariError) as caught:
        session.status(never).check()
    assert caught.value.code == "client.unknown"


class Answering:
    """A built-in program that answers every question for a status with one outcome."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outcome = Outcome(status="UNKNOWN")
        monkeypatch.setattr(State, "outcome_of", lambda *_: self.outcome)


def dropped(status: Status) -> Outcome:
    return Outcome(status=status, error=ErrorReport(status=404, code="command.outcome_dropped", message="Entry 7."))


def test_a_committed_command_whose_value_is_gone_is_no_success_and_no_refusal(session, monkeypatch):
    signed = session.sign("currency", "issue", {"to": "bank", "amount": 5})
    session.send(signed)
    Answering(monkeypatch).outcome = dropped("COMMITTED")
    for result in (session.send(signed)[0], session.status(signed)):
        assert (result.status, result.value) == ("COMMITTED", None)
        with pytest.raises(NotFound) as caught:
            result.check()
        assert caught.value.code == "client.value_missing"
        assert "Entry 7." in caught.value.message


def test_a_refusal_whose_reason_is_gone_is_a_refusal(session, monkeypatch):
    signed = session.sign("currency", "transfer", {"to": "shop", "amount": 5})
    session.send(signed)
    Answering(monkeypatch).outcome = dropped("INVALID")
    with pytest.raises(NotFound) as caught:
        session.send(signed)[0].check()
    assert caught.value.code == "command.outcome_dropped"


def test_a_replayed_command_of_which_nothing_is_known_is_unknown(session, monkeypatch):
    signed = session.sign("currency", "issue", {"to": "bank", "amount": 5})
    session.send(signed)
    Answering(monkeypatch)
    with pytest.raises(Unavailable) as caught:
        session.send(signed)[0].check()
    assert caught.value.code == "client.unknown"
    assert signed.id.hex() in caught.value.message


@pytest.mark.parametrize("code", ["command.forgotten", "command.replayed", "command.lifetime", "service.busy"])
def test_a_refusal_of_one_delivery_is_not_passed_on_as_one_of_the_command(session, monkeypatch, code):
    """The host may have sent the envelope before, or may send it again."""
    admit = Executor._admit
    refused = session.sign("currency", "issue", {"to": "bank", "amount": 5})

    def refuse(self, principal, command):
        if command.id == refused.id:
            raise Refused(code, "x")
        admit(self, principal, command)

    monkeypatch.setattr(Executor, "_admit", refuse)
    other = session.sign("currency", "issue", {"to": "bank", "amount": 1})
    first, second = session.send(refused, other)
    assert (first.status, first.id) == ("UNKNOWN", refused.id)
    assert second.value == 1, "the others keep their results"
    with pytest.raises(Unavailable) as caught:
        first.check()
    assert caught.value.code == "client.unknown"
    assert refused.id.hex() in caught.value.message
    assert other.id.hex() not in caught.value.message


def test_an_expired_command_is_refused_for_good(session, service):
    signed = session.sign("currency", "issue", {"to": "bank", "amount": 5})
    service.skew = 121_000
    with pytest.raises(Refused) as caught:
        session.send(signed)[0].check()
    assert caught.value.code == "command.expired"
    service.skew = 0
    assert session.send(signed)[0].error.code == "command.expired"


@pytest.mark.parametrize("status", ["INVALID", "PENDING", "UNKNOWN"])
def test_only_a_good_result_passes_its_check(status):
    with pytest.raises(TobariError):
        Result(id=bytes(16), status=status).check()


def test_the_status_of_others_is_none_of_ones_business(connect):
    submitted = connect("bank").submit("currency", "issue", {"to": "bank", "amount": 5})
    assert connect("shop").status(submitted.id).status == "UNKNOWN"


def test_sending_a_signed_command_again_runs_it_once(session):
    signed = session.sign("currency", "issue", {"to": "bank", "amount": 5})
    first, again = session.send(signed)[0], session.send(signed)[0]
    assert (first.value, again.value) == (5, 5)
    assert first.receipt.index == again.receipt.index
    assert session.query("currency", "total") == 5


def test_without_a_key_a_session_appraises_and_does_not_call(connect):
    session = connect(key=None)
    assert session.attestation.verdict == "accepted"
    with pytest.raises(Unauthorized) as caught:
        session.call("currency", "total")
    assert caught.value.code == "client.no_key"


@pytest.mark.parametrize("lifetime", [0, -1, 601])
def test_a_command_lives_within_bounds(session, lifetime):
    with pytest.raises(Malformed) as caught:
        session.call("currency", "total", lifetime=lifetime)
    assert caught.value.code == "client.lifetime"


def test_nothing_of_the_user_is_sent_in_the_open(session, service):
    session.call("currency", "issue", {"to": "shop", "amount": 123_456_789})
    for request in service.requests:
        assert b"shop" not in request.content
        assert b"currency" not in request.content
        assert {"cookie", "authorization", "referer"}.isdisjoint(request.headers)
        assert request.headers["accept-encoding"] == "identity"


def test_a_cookie_is_not_kept(session, service):
    service.mangle = lambda _, response: httpx2.Response(
        response.status_code, content=response.content, headers={**response.headers, "set-cookie": "who=you; Path=/"}
    )
    session.query("currency", "total")
    session.query("currency", "total")
    assert "cookie" not in service.requests[-1].headers


@pytest.mark.parametrize(
    "url",
    ["", "service:8420", "ftp://x", "http://", "http://u:p@x", "http://x/path", "http://x?q", "http://x#f", "http://x:0",
     "http://x:99999", "http://x y", "http://é", "http://x\n", "http://" + "x" * 600],
)  # fmt: skip
def test_what_is_no_address_of_a_service(url, service, trust):
    with pytest.raises(Malformed) as caught:
        Session.connect(url, policy=service.policy, trust=trust)
    assert caught.value.code == "client.url"


def test_nobody_listens(service, trust):
    def refuse(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    with pytest.raises(TobariError) as caught:
        Session.connect(URL, policy=service.policy, trust=trust, transport=httpx2.MockTransport(refuse))
    assert caught.value.code == "client.unreachable"


def test_the_asynchronous_face_does_the_same(service: MemoryService, trust):
    async def use() -> None:
        async with await AsyncSession.connect(
            URL, policy=service.policy, key=service.keys["bank"], trust=trust, transport=service.async_transport
        ) as session:
            assert session.attestation.warnings
            result = await session.call("currency", "issue", {"to": "bank", "amount": 9})
            assert result.value == 9
            assert await session.query("currency", "balance") == 9
            submitted = await session.submit("currency", "transfer", {"to": "shop", "amount": 1})
            assert (await session.status(submitted)).value == 8
            with pytest.raises(Conflict):
                await session.call("currency", "transfer", {"to": "shop", "amount": 100})
            call = Call(program="currency", command="transfer", args={"to": "shop", "amount": 1})
            assert [result.value for result in await session.call_many([call, call])] == [7, 6]

    asyncio.run(use())


def test_answers_that_overtake_each_other_are_one_history(service: MemoryService, trust):
    async def use() -> None:
        async with await AsyncSession.connect(
            URL, policy=service.policy, key=service.keys["bank"], trust=trust, transport=service.async_transport
        ) as session:
            results = await asyncio.gather(
                *(session.call("currency", "issue", {"to": "bank", "amount": 1}) for _ in range(12))
            )
            assert sorted(result.value for result in results) == list(range(1, 13))
            seen = trust.load(session.attested.service, key=service.key)
            assert seen.checkpoint.tree_size == 13

    asyncio.run(use())
