"""One history: rollbacks and forks are refused and kept as evidence; answers out of order are neither."""

from __future__ import annotations

import json
import multiprocessing
import pathlib
import re
import threading

import httpx2
import msgspec
import pytest

from tests.tools.logs import KEY, Log
from tests.tools.service import MemoryService
from tobari.base import wire
from tobari.base.errors import Malformed, Untrusted
from tobari.base.messages.relay import Relayed
from tobari.client import relay
from tobari.client.flow import Blocking, Response
from tobari.client.history import History
from tobari.client.trust import Evidence, Seen, TrustStore, _EvidenceRecord
from tobari.crypto.envelope import seal_request
from tobari.ledger.checkpoint import open_checkpoint
from tobari.ledger.proof import verify_consistency

ISSUE = ("currency", "issue", {"to": "bank", "amount": 1})
SERVICE = bytes(32)


def rolled_back(service: MemoryService, session, *, further: int) -> None:
    """Three calls, then the disk of before the last two, then `further` others whose answers nobody looks at."""
    session.call(*ISSUE)
    disk = service.disk.copy()
    for _ in range(2):
        session.call(*ISSUE)
    service.disk = disk
    service.boot()
    others(service, session, count=further)


def others(service: MemoryService, session, *, count: int) -> None:
    """Calls whose answers nobody looks at."""
    for _ in range(count):
        attested = session.attested
        envelope, _ = seal_request(
            attested.recipient,
            service_id=attested.service,
            epoch=attested.epoch,
            commands=[session.sign(*ISSUE).signed],
        )
        session._driver.run(relay.call(envelope, tree_size=None))


@pytest.mark.parametrize("further", [1, 3], ids=["same-size-other-root", "longer-and-does-not-continue"])
def test_a_fork_is_refused(session, service, further):
    rolled_back(service, session, further=further)
    with pytest.raises(Untrusted) as caught:
        session.query("currency", "total")
    assert caught.value.code == "client.fork"


def test_a_rollback_is_refused_with_what_was_seen_and_when(session, service, trust: TrustStore):
    disk = service.disk.copy()
    for _ in range(3):
        session.call(*ISSUE)
    seen = trust.load(session.attested.service, key=service.key)
    service.disk = disk
    service.boot()
    with pytest.raises(Untrusted) as caught:
        session.call(*ISSUE)
    message = caught.value.message
    assert caught.value.code == "client.rollback"
    assert re.search(r"it had 4 entries \(root [0-9a-f]{16}…, seen 20..-..-..T..:..:..\....Z\)", message)
    assert "now shows 3 entries" in message
    (evidence,) = trust.folder.glob("*.3-*.json")
    assert str(evidence) in message
    assert trust.load(session.attested.service, key=service.key) == seen, "what was seen stays"
    with pytest.raises(Untrusted):
        session.query("currency", "total")
    assert list(trust.folder.glob("*.3-*.json")) == [evidence], "the same evidence is kept once"


def test_a_rollback_is_seen_by_the_next_process_too(session, service, connect):
    disk = service.disk.copy()
    for _ in range(3):
        session.call(*ISSUE)
    service.disk = disk
    service.boot()
    with pytest.raises(Untrusted) as caught:
        connect("shop").query("currency", "total")
    assert caught.value.code == "client.rollback"


def test_a_restart_that_continues_the_log_is_neither(session, service):
    session.call(*ISSUE)
    service.boot()
    assert session.query("currency", "total") == 1


def evidence(number: int, *, proven: bool) -> Evidence:
    return Evidence(known=seen(Log.make(1), 1), found=seen(Log.of([b"%d" % number * 9]), 1), proven=proven)


def test_evidence_does_not_fill_the_disk(trust):
    paths = [trust.keep_evidence(SERVICE, evidence(number, proven=True)) for number in range(30)]
    assert all(path.exists() for path in paths[:16])
    assert paths[16:] == [None] * 14, "no file is named that was not kept"
    assert len(list(trust.folder.glob("*.json"))) == 16


def test_a_proven_fork_takes_the_place_of_what_is_unproven(trust):
    for number in range(30):
        trust.keep_evidence(SERVICE, evidence(number, proven=False))
    kept = [trust.keep_evidence(SERVICE, evidence(number, proven=True)) for number in range(20)]
    assert [path.exists() for path in kept if path] == [True] * 16
    assert trust.keep_evidence(SERVICE, evidence(99, proven=False)) is None
    both = json.loads(kept[0].read_text("utf-8"))
    assert both["known"]["note"] == Log.make(1).note()
    assert open_checkpoint(both["found"]["note"], KEY).root_hash.hex() in kept[0].name


def test_spoilt_proofs_of_an_honest_log_accuse_nobody(session, service, trust):
    """A host that spoils every proof it sends along, and then shows a real fork."""
    session.call(*ISSUE)
    disk = service.disk.copy()

    def spoil(request, response):
        if request.url.path != "/v1/call":
            return response
        found = wire.from_cbor(response.content, Relayed, max_bytes=1 << 22)
        spoilt = wire.to_cbor(msgspec.structs.replace(found, consistency=[bytes(32)] * 3))
        return httpx2.Response(200, content=spoilt, headers=response.headers)

    service.mangle = spoil
    for _ in range(20):
        session.call(*ISSUE)
    assert not list(trust.folder.glob("*.*-*.json"))

    def spoil_without_tiles(request, response):
        return spoil(request, response) if request.url.path == "/v1/call" else httpx2.Response(404)

    service.mangle = spoil_without_tiles
    for _ in range(20):
        with pytest.raises(Untrusted) as caught:
            session.call(*ISSUE)
        assert caught.value.code == "client.unproven"
    service.mangle = lambda _, response: response
    session.query("currency", "total")
    service.disk = disk
    service.boot()
    others(service, session, count=60)
    with pytest.raises(Untrusted) as caught:
        session.query("currency", "total")
    assert caught.value.code == "client.fork"
    (kept,) = (path for path in trust.folder.glob("*.*-*.json") if "unproven" not in path.name)
    assert str(kept) in caught.value.message
    proof = wire.from_json(kept.read_bytes(), _EvidenceRecord, max_bytes=1 << 20)
    first, second = (open_checkpoint(seen.note, service.key) for seen in (proof.known, proof.found))
    assert proof.earlier_root != first.root_hash
    verify_consistency(
        first_size=first.tree_size,
        first_root=proof.earlier_root,
        second_size=second.tree_size,
        second_root=second.root_hash,
        proof=proof.proof,
    )


# --- the flow, without any host ---


def seen(log: Log, size: int) -> Seen:
    return Seen(checkpoint=log.checkpoint(size), note=log.note(size), seen_at=1_800_000_000_000)


class Follower:
    """Runs `follow` against a log whose tiles are at hand; `meanwhile` is run before each write to the store."""

    def __init__(self, trust: TrustStore, log: Log) -> None:
        self.history = History(trust=trust, service=SERVICE, key=KEY, now=lambda: 1_800_000_000_000)
        self.trust = trust
        self.files = log.files()
        self.log = log
        self.meanwhile = lambda: None

    def follow(self, size: int, *, asked: Seen | None, log: Log | None = None) -> int | None:
        log = log or self.log
        proof = log.tree.consistency_proof(asked.checkpoint.tree_size, size) if asked else []
        flow = self.history.follow(log.note(size), asked=asked, proof=proof)
        try:
            effect = next(flow)
            while True:
                if isinstance(effect, Blocking):
                    self.meanwhile()
                    effect = flow.send(effect.call())
                else:
                    effect = flow.send(self.answer(effect.path))
        except StopIteration as stop:
            found = stop.value
        assert found == log.checkpoint(size)
        stands = self.trust.load(SERVICE, key=KEY)
        return stands.checkpoint.tree_size if stands else None

    def answer(self, path: str):
        name = path.removeprefix("/v1/ledger/")
        data = self.files.get(name)
        if data is None and ".p/" in name:  # a log serves every width that it covers
            whole, _, width = name.partition(".p/")
            longest = next((file for file in self.files if file.startswith(whole)), None)
            data = self.files[longest][: int(width) * 32] if longest else None
        return Response(status=200 if data is not None else 404, media_type="", body=data or b"")


@pytest.fixture
def follower(trust):
    return Follower(trust, Log.make(21))


def test_the_first_checkpoint_is_taken_as_it_is(follower):
    assert follower.follow(5, asked=None) == 5


def test_the_store_moves_forward(follower):
    follower.follow(5, asked=None)
    assert follower.follow(9, asked=seen(follower.log, 5)) == 9


def test_an_answer_that_was_overtaken_does_not_turn_the_store_back(follower):
    follower.follow(5, asked=None)
    follower.follow(14, asked=seen(follower.log, 5))
    assert follower.follow(9, asked=seen(follower.log, 5)) == 14


def test_an_answer_that_overtakes_another_is_proven_against_it(follower):
    follower.follow(5, asked=None)
    follower.follow(9, asked=seen(follower.log, 5))
    assert follower.follow(14, asked=seen(follower.log, 5)) == 14


def test_two_branches_that_both_continue_what_was_asked(follower):
    """Each answer alone is consistent with the size of 2; together they show the fork."""
    fork = Log.of([*follower.log.leaves[:2], *(b"other %d" % n for n in range(19))])
    follower.follow(2, asked=None)
    follower.follow(9, asked=seen(follower.log, 2))
    for size in (5, 9, 14):
        if size > 9:
            follower.files = fork.files()
        with pytest.raises(Untrusted) as caught:
            follower.follow(size, asked=seen(follower.log, 2), log=fork)
        assert caught.value.code == "client.fork"
        assert follower.trust.load(SERVICE, key=KEY).checkpoint.tree_size == 9


def test_another_process_writes_at_the_same_moment(follower):
    follower.follow(5, asked=None)
    steps = iter([lambda: None, lambda: other.follow(8, asked=seen(follower.log, 5)), *[lambda: None] * 20])
    other = Follower(follower.trust, follower.log)
    follower.meanwhile = lambda: next(steps)()
    assert follower.follow(12, asked=seen(follower.log, 5)) == 12


def test_a_store_that_changes_every_time_is_given_up(follower):
    follower.follow(1, asked=None)
    sizes = iter(range(2, 21))

    def write() -> None:
        size = next(sizes, None)
        if size is not None:
            stands = follower.trust.load(SERVICE, key=KEY)
            follower.trust.replace(SERVICE, seen(follower.log, size), expected=stands, key=KEY)

    follower.meanwhile = write
    assert follower.follow(21, asked=seen(follower.log, 1)) == 21


# --- the store ---


def test_only_what_is_expected_is_replaced(trust):
    log = Log.make(3)
    first, second, third = (seen(log, size) for size in (1, 2, 3))
    assert trust.replace(SERVICE, first, expected=None, key=KEY)
    assert not trust.replace(SERVICE, third, expected=None, key=KEY)
    assert trust.replace(SERVICE, second, expected=first, key=KEY)
    assert not trust.replace(SERVICE, third, expected=first, key=KEY)
    assert trust.load(SERVICE, key=KEY) == second


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"note":"x","seen_at":1}'])
def test_a_damaged_store_is_not_overlooked(trust, content):
    log = Log.make(1)
    trust.replace(SERVICE, seen(log, 1), expected=None, key=KEY)
    (trust.folder / f"{SERVICE.hex()}.json").write_bytes(content)
    with pytest.raises(Malformed):
        trust.load(SERVICE, key=KEY)


def test_the_store_is_private(trust):
    trust.replace(SERVICE, seen(Log.make(1), 1), expected=None, key=KEY)
    assert trust.folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in trust.folder.iterdir())


def count(folder: pathlib.Path, log: Log) -> None:
    """Move the store on by one, whatever else moves it."""
    trust = TrustStore(folder)
    while True:
        stands = trust.load(SERVICE, key=KEY)
        size = stands.checkpoint.tree_size + 1 if stands else 1
        if trust.replace(SERVICE, seen(log, size), expected=stands, key=KEY):
            return


def test_threads_do_not_lose_each_others_writes(trust):
    log = Log.make(8)
    threads = [threading.Thread(target=count, args=(trust.folder, log)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trust.load(SERVICE, key=KEY).checkpoint.tree_size == 8


def test_processes_do_not_lose_each_others_writes(trust):
    log = Log.make(4)
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=count, args=(trust.folder, log)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 4
    assert trust.load(SERVICE, key=KEY).checkpoint.tree_size == 4


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_write_that_fails_leaves_what_was_there(trust, monkeypatch, call):
    log = Log.make(2)
    first = seen(log, 1)
    trust.replace(SERVICE, first, expected=None, key=KEY)

    def fail(*_: object) -> None:
        raise OSError(28, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr(f"tobari.client.files.os.{call}", fail)
        with pytest.raises(OSError, match="no space"):
            trust.replace(SERVICE, seen(log, 2), expected=first, key=KEY)
    assert trust.load(SERVICE, key=KEY) == first
    assert sorted(path.suffix for path in trust.folder.iterdir()) == [".json", ".lock"]
    assert trust.replace(SERVICE, seen(log, 2), expected=first, key=KEY)
