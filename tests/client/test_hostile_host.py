"""The matrix of a hostile host: each thing it can do to what passes through it, and what the client says to that.

The host may lose, delay, repeat, replace and invent. It cannot make the client take a wrong value, run a command twice,
or forget what it saw.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
import pytest

from tests.tools.service import URL, MemoryService, checkpoint_of, problem
from tobari.base import wire
from tobari.base.errors import Conflict, NotFound, Refused, TobariError, Unavailable, Untrusted
from tobari.base.messages.relay import RELAYED_TYPE, Relayed
from tobari.client.session import Session
from tobari.crypto.signing import SigningKey
from tobari.enclave.identity import ServiceSecrets
from tobari.enclave.platform.virtual import VirtualPlatform

STRANGER = SigningKey.from_seed(b"s" * 32)
ISSUE = ("currency", "issue", {"to": "bank", "amount": 1})


def flip(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def on(path: str, change: Callable[[httpx2.Response], httpx2.Response]) -> Any:
    """A mangler of the responses below one path."""
    return lambda request, response: change(response) if request.url.path.startswith(path) else response


def body(content: bytes, status: int = 200, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, content=content, headers={"content-type": RELAYED_TYPE, **headers})


def relayed(change: Callable[[Relayed], dict[str, Any]]) -> Any:
    """A mangler of the relayed answer's fields."""

    def mangle(response: httpx2.Response) -> httpx2.Response:
        found = wire.from_cbor(response.content, Relayed, max_bytes=1 << 22)
        return body(wire.to_cbor(msgspec.structs.replace(found, **change(found))))

    return on("/v1/call", mangle)


def stranger_signs(found: Relayed) -> dict[str, Any]:
    return {"checkpoint": checkpoint_of(found.checkpoint).sign(STRANGER)}


def plain(error: TobariError) -> Any:
    return on("/v1/call", lambda _: problem(error))


HUGE = b"\0" * ((1 << 20) + (1 << 16) + 1)
MATRIX = {
    "response-altered": (relayed(lambda r: {"response": flip(r.response)}), "response.open"),
    "response-cut": (relayed(lambda r: {"response": r.response[:-1]}), "response.open"),
    "response-empty": (relayed(lambda r: {"response": b""}), "response.open"),
    "response-invented": (relayed(lambda r: {"response": bytes(len(r.response))}), "response.open"),
    "checkpoint-of-a-stranger": (relayed(stranger_signs), "note.unknown_key"),
    "checkpoint-altered": (
        relayed(lambda r: {"checkpoint": r.checkpoint.replace("\n4\n", "\n5\n")}),
        "note.signature",
    ),
    "checkpoint-cut": (relayed(lambda r: {"checkpoint": r.checkpoint[:-1]}), "note.malformed"),
    "checkpoint-empty": (relayed(lambda r: {"checkpoint": ""}), "note.malformed"),
    "hash-of-31-bytes": (relayed(lambda r: {"consistency": [bytes(31)]}), "message.malformed"),
    "not-cbor": (on("/v1/call", lambda _: body(b"\xff")), "cbor.malformed"),
    "empty": (on("/v1/call", lambda _: body(b"")), "cbor.malformed"),
    "one-byte-more": (on("/v1/call", lambda r: body(r.content + b"\0")), "cbor.not_canonical"),
    "other-type": (on("/v1/call", lambda r: httpx2.Response(200, text="<html>")), "client.http"),
    "compressed": (
        on("/v1/call", lambda r: body(gzip.compress(r.content), **{"content-encoding": "gzip"})),
        "client.http",
    ),
    "redirected": (on("/v1/call", lambda _: httpx2.Response(307, headers={"location": "/v1/call"})), "client.http"),
    "oversized": (on("/v1/call", lambda _: body(HUGE)), "client.response_too_large"),
    "oversized-problem": (on("/v1/call", lambda _: body(HUGE, 400)), "client.response_too_large"),
    "no-content": (on("/v1/call", lambda _: httpx2.Response(204)), "client.unknown"),
    "html-problem": (on("/v1/call", lambda _: httpx2.Response(500, text="<html>")), "client.unknown"),
    "problem-with-a-strange-code": (plain(Refused("../etc", "x")), "client.unknown"),
    "problem-of-its-own": (plain(Refused("command.role", "x")), "client.unknown"),
    "refusal-of-a-host": (plain(Refused("host.full", "x")), "client.unknown"),
    "epoch-for-ever": (plain(Untrusted("envelope.epoch", "x")), "client.unknown"),
    "busy-for-ever": (on("/v1/call", lambda _: httpx2.Response(503)), "client.unknown"),
}


@pytest.mark.parametrize(("mangle", "code"), MATRIX.values(), ids=MATRIX)
def test_what_the_host_does_to_an_answer(session, service: MemoryService, mangle, code):
    for _ in range(2):
        session.call(*ISSUE)
    service.mangle = mangle
    with pytest.raises(TobariError) as caught:
        session.call(*ISSUE)
    assert caught.value.code == code
    service.mangle = lambda _, response: response
    assert session.query("currency", "total") == 3, "the command was run, once, and the client goes on from there"


PROOFS = {
    "left-out": lambda _: [],
    "altered": lambda proof: [flip(proof[0])],
    "without-end": lambda proof: proof * 200,
}


@pytest.mark.parametrize("change", PROOFS.values(), ids=PROOFS)
def test_a_spoilt_proof_is_made_good_from_the_tiles(session, service, change):
    for _ in range(2):
        session.call(*ISSUE)
    service.mangle = relayed(lambda r: {"consistency": change(r.consistency)})
    assert session.call(*ISSUE).value == 3


FORGED = [
    Conflict("currency.funds", "The balance does not cover this amount."),
    Refused("command.expired", "x"),
    Conflict("command.replayed", "x"),
    NotFound("command.outcome_dropped", "x"),
    Untrusted("client.fork", "x"),
    Unavailable("client.unreachable", "x"),
]


@pytest.mark.parametrize("forged", FORGED, ids=lambda error: error.code)
def test_what_a_host_says_unsigned_is_no_word_of_the_enclave(session, service, forged):
    """Once, after the command ran: the truth comes out. For ever: the client knows that it does not know."""
    left = iter(range(1))
    once = plain(forged)
    service.mangle = lambda request, response: (
        once(request, response) if request.url.path == "/v1/call" and next(left, None) is not None else response
    )
    assert session.call(*ISSUE).value == 1
    service.mangle = once
    signed = session.sign(*ISSUE)
    with pytest.raises(Unavailable) as caught:
        session.send(signed)
    assert caught.value.code == "client.unknown"
    assert signed.id.hex() in caught.value.message
    assert forged.code in caught.value.message


def test_evidence_that_a_host_refuses_in_the_name_of_the_enclave(service, connect):
    service.mangle = on("/v1/evidence", lambda _: problem(Refused("command.role", "x")))
    with pytest.raises(Unavailable) as caught:
        connect()
    assert caught.value.code == "client.host_refused"


def test_a_key_that_changed_while_the_host_hides_the_evidence(session, service):
    """The first envelope is out by then: this is no `client.unreachable`, and no refusal."""
    service.mangle = lambda request, response: (
        problem(Untrusted("envelope.epoch", "x")) if request.url.path == "/v1/call" else httpx2.Response(404)
    )
    with pytest.raises(Unavailable) as caught:
        session.call(*ISSUE)
    assert caught.value.code == "client.unknown"


def test_an_answer_to_another_request(session, service):
    answers: list[httpx2.Response] = []
    service.mangle = on("/v1/call", lambda response: answers.append(response) or answers[0])
    session.call(*ISSUE)
    with pytest.raises(Untrusted) as caught:
        session.call(*ISSUE)
    assert caught.value.code == "response.open"


@pytest.mark.parametrize("which", ["older", "newer"])
def test_a_checkpoint_of_another_moment(session, service, connect, which):
    session.call(*ISSUE)
    notes = [service.disk.checkpoint]
    session.call(*ISSUE)
    if which == "older":
        service.mangle = relayed(lambda _: {"checkpoint": notes[0], "consistency": []})
    else:

        def later(_: Relayed) -> dict[str, Any]:
            service.mangle = lambda _, response: response
            connect("shop").submit("currency", "transfer", {"to": "bank", "amount": 1})
            return {"checkpoint": service.disk.checkpoint}

        service.mangle = relayed(later)
    with pytest.raises(Untrusted) as caught:
        session.call(*ISSUE)
    assert caught.value.code == "client.checkpoint"


def test_the_words_of_the_host_do_not_reach_the_terminal_as_they_are(session, service):
    service.mangle = plain(NotFound("http.not_found", "\x1b[2Jgood\x07\n" + "x" * 10_000))
    with pytest.raises(Unavailable) as caught:
        session.call(*ISSUE)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 800
    assert "The host says, unsigned: " in caught.value.message


# --- evidence ---


def test_evidence_made_for_another_asker(service, connect):
    old: list[httpx2.Response] = []
    service.mangle = on("/v1/evidence", lambda response: old.append(response) or old[0])
    connect()
    with pytest.raises(Untrusted) as caught:
        connect()
    assert caught.value.code == "evidence.stale_nonce"


def test_another_service_behind_the_same_address(service, connect, trust):
    first = connect()
    other = MemoryService(root=service.root, keys=service.keys).boot()
    with pytest.raises(Untrusted) as pinned_by_policy:
        Session.connect(URL, policy=service.policy, trust=trust, transport=other.transport)
    assert pinned_by_policy.value.code == "evidence.service"
    any_service = msgspec.structs.replace(service.policy, service=None)
    with pytest.raises(Untrusted) as pinned:
        Session.connect(URL, policy=any_service, trust=trust, service=first.attested.service, transport=other.transport)
    assert pinned.value.code == "client.service"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda r: httpx2.Response(200, text="hello"), "client.http"),
        (lambda r: httpx2.Response(404), "client.no_service"),
        (lambda r: httpx2.Response(200, content=r.content[:-1], headers=r.headers), "cbor.malformed"),
        (lambda r: httpx2.Response(200, content=bytes((1 << 20) + 1), headers=r.headers), "client.response_too_large"),
        (lambda r: httpx2.Response(502, text="bad gateway"), "client.relay"),
    ],
)
def test_what_is_no_evidence(service, connect, change, code):
    service.mangle = on("/v1/evidence", change)
    with pytest.raises(TobariError) as caught:
        connect()
    assert caught.value.code == code


def test_a_new_epoch_is_appraised_and_the_call_goes_on(session, service: MemoryService):
    platform = VirtualPlatform(root=service.root, measurement=service.measurement)
    kept = ServiceSecrets.from_bytes(platform.unseal(service.disk.sealed))
    service.disk.sealed = platform.seal(msgspec.structs.replace(kept, epoch=2).encode())
    service.disk.entries, service.disk.checkpoint = [], None
    service.boot()
    assert session.call(*ISSUE).value == 1
    assert session.attested.epoch == 2
    assert [r.url.path for r in service.requests] == ["/v1/evidence", "/v1/call", "/v1/evidence", "/v1/call"]


# --- what gets lost, repeated or held back ---


def calls(service: MemoryService) -> list[httpx2.Request]:
    return [request for request in service.requests if request.url.path == "/v1/call"]


def lose_first(service: MemoryService, count: int) -> None:
    left = iter(range(count))
    service.lose = lambda request: request.url.path == "/v1/call" and next(left, None) is not None


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_lost_response_is_asked_for_and_the_command_runs_once(session, service, lost):
    lose_first(service, lost)
    result = session.call(*ISSUE)
    assert result.value == 1
    assert result.receipt is not None
    assert session.query("currency", "total") == 1


def test_when_no_answer_comes_the_client_knows_that_it_does_not_know(session, service):
    signed = session.sign(*ISSUE)
    service.lose = lambda request: request.url.path == "/v1/call"
    with pytest.raises(TobariError) as caught:
        session.send(signed)
    assert caught.value.code == "client.unknown"
    assert signed.id.hex() in caught.value.message
    assert len(calls(service)) == 4
    service.lose = lambda _: False
    assert session.status(signed).check().value == 1
    assert session.query("currency", "total") == 1


def test_a_submitted_command_may_lose_its_answer(session, service):
    lose_first(service, 1)
    submitted = session.submit(*ISSUE)
    assert session.status(submitted).value == 1


def test_a_busy_host_is_asked_again(session, service):
    left = iter(range(2))

    def busy(response: httpx2.Response) -> httpx2.Response:
        return response if next(left, None) is None else httpx2.Response(503)

    service.mangle = on("/v1/call", busy)
    assert session.call(*ISSUE).value == 1


def test_an_envelope_delivered_twice(session, service):
    """The host shows only the second answer, which says that the command was refused as replayed."""
    route = service._route

    def twice(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/call":
            route(request)
        return route(request)

    service._route = twice
    assert session.call(*ISSUE).value == 1
    assert session.query("currency", "total") == 1


def test_an_envelope_delivered_again_after_its_time(session, service):
    """The second comes after the command's time; the first, which nobody saw, was that it is committed."""
    route = service._route

    def twice(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/call" and service.skew == 0:
            route(request)
            service.skew = 121_000
        return route(request)

    service._route = twice
    assert session.call(*ISSUE).value == 1


def test_a_clock_so_wrong_that_no_question_is_answered(session, service):
    signed = session.submit(*ISSUE)
    service.skew = 700_000
    with pytest.raises(TobariError) as caught:
        session.status(signed)
    assert caught.value.code == "client.unknown"
    assert "check your clock" in caught.value.message


def test_a_clock_that_is_somewhat_wrong(session, service):
    service.skew = 200_000
    with pytest.raises(Refused) as caught:
        session.call(*ISSUE)
    assert caught.value.code == "command.expired"


# --- tiles ---


TILES = {
    "altered": (lambda r: httpx2.Response(200, content=flip(r.content, 0)), "ledger.inclusion"),
    "missing": (lambda r: httpx2.Response(404), "ledger.missing"),
    "cut": (lambda r: httpx2.Response(200, content=r.content[:-1]), "ledger.tile"),
    "oversized": (lambda r: httpx2.Response(200, content=bytes(1 << 14)), "client.response_too_large"),
    "not-served": (lambda r: problem(Refused("http.error", "x")), "http.error"),
}


@pytest.mark.parametrize(("change", "code"), TILES.values(), ids=TILES)
def test_what_the_host_does_to_tiles(session, service, change, code):
    submitted = session.submit(*ISSUE)
    session.call(*ISSUE)
    service.mangle = on("/v1/ledger/tile/", change)
    with pytest.raises(TobariError) as caught:
        session.status(submitted)
    assert caught.value.code == code
