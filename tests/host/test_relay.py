"""tobari.host.relay: what becomes durable when, who gets which reply, and how a life ends."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.host.fake_enclave import NOTE_KEY, entry, note
from tests.host.rig import SMALL, rig
from tobari.base import wire
from tobari.base.errors import Broken, Malformed, TobariError, TooLarge
from tobari.base.messages import link
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.base.messages.relay import MAX_RELAYED, TREE_SIZE_HEADER, Relayed
from tobari.host.link import Link
from tobari.host.published import Published
from tobari.host.relay import EnclaveGone, EnclaveHalted
from tobari.ledger.checkpoint import open_checkpoint
from tobari.ledger.proof import verify_consistency
from tobari.ledger.tree import Tree, leaf_hash


def relayed(data: bytes) -> Relayed:
    return wire.from_cbor(data, Relayed, max_bytes=MAX_RELAYED)


async def test_a_call_is_answered_with_checkpoint_and_consistency(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        first = relayed((await host.call(b"append:5")).content)
        assert first.response.startswith(b"done")
        assert first.consistency == []
        before = open_checkpoint(first.checkpoint, NOTE_KEY)
        assert before.tree_size == 6
        second = relayed((await host.call(b"append:3", {TREE_SIZE_HEADER: "6"})).content)
        after = open_checkpoint(second.checkpoint, NOTE_KEY)
        verify_consistency(
            first_size=6,
            first_root=before.root_hash,
            second_size=9,
            second_root=after.root_hash,
            proof=second.consistency,
        )


@pytest.mark.parametrize("seen", ["0", "1", "99", str(2**63)])
async def test_no_consistency_is_claimed_where_there_is_none(tmp_path: Path, seen: str) -> None:
    async with rig(tmp_path) as host:
        assert relayed((await host.call(b"query", {TREE_SIZE_HEADER: seen})).content).consistency == []


async def test_what_the_enclave_does_not_read_is_bounded(tmp_path: Path) -> None:
    """Callers that gave up have left their envelopes in the link: more of them are refused before they are taken."""
    ours, theirs = socket.socketpair()
    unread = Link(ours)
    codes = []
    async with rig(tmp_path, replace(SMALL, call_seconds=0.001)) as host:
        connected, host.relay._link = host.relay._link, unread
        for _ in range(40):
            with pytest.raises(TobariError) as caught:
                await host.relay.call(bytes(1 << 20))
            codes.append(caught.value.code)
        host.relay._link = connected
    assert codes == ["host.timeout"] * 32 + ["host.busy"] * 8
    assert unread.backlog < 34 << 20
    unread.close()
    theirs.close()


async def test_many_calls_at_once_each_get_their_own_reply(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        answers = await asyncio.gather(*(host.call(b"append:2") for _ in range(40)))
        assert len({relayed(answer.content).response for answer in answers}) == 40
        assert host.log.tree.size == 81
        numbers = [m.batch for m in host.fake.heard if isinstance(m, link.Appended)]
        assert numbers == sorted(numbers)


async def test_evidence_comes_back_for_its_nonce(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        assert await host.relay.attest(bytes(32)) == b"evidence " + bytes(32)


async def test_a_refusal_keeps_status_and_code(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        with pytest.raises(TobariError) as caught:
            await host.relay.call(b"refuse")
        assert (caught.value.status, caught.value.code) == (401, "envelope.opened")


async def test_everything_is_replayed_at_the_next_start(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        await host.call(b"append:1300")
        assert host.fake.boot == link.Boot(genesis=b"genesis", sealed=None, snapshot=None, checkpoint=None, log_size=0)
        host.relay.stop()
        assert await host.over() is None
        newest = host.log.newest.note
    async with rig(tmp_path) as host:
        assert host.fake.boot == link.Boot(
            genesis=b"genesis", sealed=b"sealed state", snapshot=b"snapshot", checkpoint=newest, log_size=1301
        )
        replays = [m for m in host.fake.heard if isinstance(m, link.Replay)]
        assert [(m.first, len(m.entries)) for m in replays] == [(0, 512), (512, 512), (1024, 277)]
        assert [e for m in replays for e in m.entries] == [entry(i) for i in range(1301)]
        kinds = [type(m) for m in host.fake.heard]
        assert kinds.index(link.Live) > max(i for i, kind in enumerate(kinds) if kind is link.Replay)


async def test_a_replay_frame_stays_within_its_bytes(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        for _ in range(6):
            await host.call(b"public:" + bytes(900_000))
    async with rig(tmp_path) as host:
        replays = [m for m in host.fake.heard if isinstance(m, link.Replay)]
        assert [(m.first, len(m.entries)) for m in replays] == [(0, 5), (5, 2)]


async def test_the_old_checkpoint_is_served_while_the_enclave_boots(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        await host.call(b"append")
        host.relay.stop()
        await host.over()
    async with rig(tmp_path, ready=False) as host:
        assert host.log.newest.tree_size == 2


async def test_a_snapshot_too_large_for_the_boot_frame_is_left_out(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        await host.journal.put_snapshot(1, bytes(link.MAX_FRAME - 100))
    async with rig(tmp_path) as host:
        assert host.fake.boot is not None
        assert host.fake.boot.snapshot is None


async def test_a_kept_checkpoint_beyond_the_log_is_refused(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        tree = Tree()
        tree.extend(leaf_hash(entry(i).header) for i in range(2))
        await host.journal.put_checkpoint(Published(note(tree), 2))
    with pytest.raises(Broken) as caught:
        async with rig(tmp_path):
            pass
    assert caught.value.code == "host.checkpoint"


async def test_an_object_is_fetched_chunk_by_chunk(tmp_path: Path) -> None:
    chunks = [bytes([n]) * SEALED_CHUNK for n in range(7)] + [b"short last chunk!"]
    tree = Tree()
    tree.extend(leaf_hash(chunk) for chunk in chunks)
    async with rig(tmp_path) as host:
        upload = host.objects.receive(tree.root())
        for chunk in chunks:
            upload.add(chunk)
        assert upload.finish()
        whole = await host.relay.call(b"fetch:" + tree.root() + bytes([0, 8]))
        assert whole.response == hashlib.sha256(b"".join(chunks)).digest()
        part = await host.relay.call(b"fetch:" + tree.root() + bytes([6, 2]))
        assert part.response == hashlib.sha256(b"".join(chunks[6:])).digest()
        assert (await host.relay.call(b"fetch:" + tree.root() + bytes([8, 1]))).response == b"missing"
        assert (await host.relay.call(b"fetch:" + bytes(32) + bytes([0, 1]))).response == b"missing"


@pytest.mark.parametrize(
    ("word", "error", "code"),
    [
        (b"gap", Broken, "store.gap"),
        (b"overwrite", Broken, "store.gap"),
        (b"foreign", Broken, "host.checkpoint"),
        (b"halt", EnclaveHalted, "log.altered"),
        (b"garbage", TooLarge, "link.too_large"),
        (b"die", EnclaveGone, None),
    ],
)
async def test_an_end_is_told_to_whoever_waits(
    tmp_path: Path, word: bytes, error: type[Exception], code: str | None
) -> None:
    async with rig(tmp_path) as host:
        waiting = asyncio.create_task(host.relay.call(b"silent"))
        await asyncio.sleep(0)
        answer = await host.call(word)
        assert (answer.status_code, answer.json()["code"]) == (503, "host.enclave_gone")
        with pytest.raises(TobariError, match="enclave_gone"):
            await waiting
        ended = await host.over()
        assert isinstance(ended, error)
        assert getattr(ended, "code", None) == code
        assert (await host.http.get("/readyz")).status_code == 503
        assert (await host.call(b"query")).json()["code"] == "host.not_ready"


@pytest.mark.parametrize(
    "message",
    [
        link.Append(batch=1, first=0, entries=[entry(0)]),
        link.Ready(origin="x", vkey="x", tree_size=0),
        link.ReplayFrom(first=1),
        link.ReplayFrom(first=-1),
    ],
)
async def test_a_message_out_of_turn_ends_it(tmp_path: Path, message: link.ToHost) -> None:
    async with rig(tmp_path, ready=False) as host:
        host.fake.take = lambda _: host.fake.say(message)  # type: ignore[method-assign, assignment]
        ended = await host.over()
        assert isinstance(ended, Broken)
        assert ended.code == "host.link_order"


async def test_a_halt_is_heard_although_the_host_still_writes(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        for _ in range(8):
            await host.call(b"public:" + bytes(1_000_000))
    async with rig(tmp_path, ready=False) as host:

        def halt(_: object) -> None:
            host.fake.say(link.ReplayFrom(first=0))
            host.fake.say(link.Halt(code="log.order", message="Reordered."))
            host.fake._writer.close()

        host.fake.take = halt  # type: ignore[method-assign, assignment]
        assert isinstance(await host.over(), EnclaveHalted)


async def test_a_stream_that_ends_inside_a_frame_is_malformed(tmp_path: Path) -> None:
    async with rig(tmp_path, ready=False) as host:

        def cut(_: object) -> None:
            host.fake._writer.write(b"\x00\x00\x00\x09half")
            host.fake._writer.close()

        host.fake.take = cut  # type: ignore[method-assign, assignment]
        assert isinstance(await host.over(), Malformed)


async def test_too_many_waiting_calls_are_turned_away(tmp_path: Path) -> None:
    async with rig(tmp_path, replace(SMALL, pending=2)) as host:
        waiting = [asyncio.create_task(host.relay.call(b"silent")) for _ in range(2)]
        await asyncio.sleep(0)
        answer = await host.call(b"query")
        assert (answer.status_code, answer.json()["code"]) == (503, "host.busy")
        assert answer.headers["retry-after"] == "1"
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert (await host.call(b"query")).status_code == 200


async def test_a_call_is_given_up_in_time(tmp_path: Path) -> None:
    async with rig(tmp_path, replace(SMALL, call_seconds=0.05)) as host:
        answer = await host.call(b"silent")
        assert (answer.status_code, answer.json()["code"]) == (503, "host.timeout")


async def test_a_reply_waits_until_its_entry_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path) as host:
        gate = asyncio.Event()
        append = host.journal.append

        async def slow(first: int, entries: object) -> None:
            await gate.wait()
            await append(first, entries)  # type: ignore[arg-type]

        monkeypatch.setattr(host.journal, "append", slow)
        call = asyncio.create_task(host.relay.call(b"append"))
        assert (await host.relay.call(b"query")).response == b"answer"
        await asyncio.sleep(0.05)
        assert not call.done()
        assert (await host.journal.kept()).log_size == 1
        gate.set()
        await call
        assert (await host.journal.kept()).log_size == 2
