"""Following commands: each state once, receipts that hold, one envelope for many, and an end in any case."""

from __future__ import annotations

import asyncio

import pytest

from tests.tools.service import URL, MemoryService
from tobari.client import watch as watch_module
from tobari.client.command import Call
from tobari.client.protocol import MAX_QUESTIONS
from tobari.client.receipts import verify_receipt
from tobari.client.session import AsyncSession, Session
from tobari.client.trust import TrustStore


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "PAUSES", (0.001,))


def issue(amount: int) -> Call:
    return Call(program="currency", command="issue", args={"to": "bank", "amount": amount})


def calls_in(service: MemoryService) -> int:
    return [request.url.path for request in service.requests].count("/v1/call")


def test_many_commands_are_submitted_and_followed_in_one_envelope_each(
    session: Session, service: MemoryService
) -> None:
    commands = session.submit_many([*map(issue, range(1, 11)), issue(-1)])
    assert calls_in(service) == 1
    results = {result.id: result for result in session.statuses(commands)}
    assert calls_in(service) == 2
    assert [results[command.id].value for command in commands[:10]] == [sum(range(1, n + 1)) for n in range(1, 11)]
    assert results[commands[10].id].status == "INVALID"
    for command in commands:
        receipt = results[command.id].receipt
        assert receipt is not None
        verify_receipt(receipt, key=service.key, signed=command.signed)


def test_more_than_one_envelope_of_questions(session: Session, service: MemoryService) -> None:
    commands = session.submit_many([issue(1)] * (MAX_QUESTIONS + 3))
    assert [result.status for result in session.statuses([command.id for command in commands])] == ["COMMITTED"] * (
        MAX_QUESTIONS + 3
    )
    assert calls_in(service) == 3


def test_each_change_is_told_once(session: Session) -> None:
    (early,) = session.submit_many([issue(1)])
    late = session.sign("currency", "issue", {"to": "bank", "amount": 2})
    told = session.statuses([late, early, early.id])
    assert {(result.id, result.status) for result in (next(told), next(told))} == {
        (late.id, "UNKNOWN"),
        (early.id, "COMMITTED"),
    }
    session.send(late)
    assert [(result.id, result.status, result.value) for result in told] == [(late.id, "COMMITTED", 3)]


def test_what_never_came_ends_with_the_patience(session: Session) -> None:
    never = session.sign("currency", "issue", {"to": "bank", "amount": 2})
    assert [result.status for result in session.statuses([never], patience=0.01)] == ["UNKNOWN"]


def test_the_asynchronous_face_does_the_same(service: MemoryService, trust: TrustStore) -> None:
    async def follow() -> list[str]:
        async with await AsyncSession.connect(
            URL, policy=service.policy, key=service.keys["bank"], trust=trust, transport=service.async_transport
        ) as session:
            commands = await session.submit_many([issue(1), issue(2)])
            return [result.status async for result in session.statuses(commands)]

    assert asyncio.run(follow()) == ["COMMITTED", "COMMITTED"]
