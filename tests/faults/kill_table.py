"""The kill table: `kill -9` at each named step, full and torn disks, and what is found afterwards.

Each row is run by `round` against a World under load, then checked by `World.check`: every acknowledged command has the
status and place it had, none is half there, receipts verify, the log audits and continues the one seen before. Where
more or something else is meant, the row's own function checks it. The nonces of all rounds are checked at the end.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.faults import torn
from tests.faults.world import ENCLAVE, HOST, SERVER, UNLIMITED, WARM, WORKER, World
from tobari.base.errors import TobariError, Untrusted

Round = Callable[[World], object]

FOUNDED = "started again: founded anew, or as it was; it takes commands"
BACK = "started again: nothing that was acknowledged is missing, nothing is half there"
DONE = "started again: the job is done by itself, the answer is right"
WHOLE = "started again: the object is whole or absent, sending it again completes it"


@dataclass(frozen=True)
class Row:
    """One step and one victim."""

    during: str
    step: str
    victim: str
    found: str
    round: Round

    @property
    def name(self) -> str:
        return f"{self.during}: {self.step}: {self.victim}"


# --- rounds that need more than a stop and a kill ---


def _log_disk_full(world: World) -> None:
    with world.load.running():
        world.load.wait_for(WARM)
        world.service.remember()
        world.limit_files(4096)
        assert world.service.ended() == 1
    assert "store.write" in world.service.said()
    world.start_again()


def _object_disk_full(world: World) -> None:
    sealed, key, data = world.upload()
    with world.service.session("owner") as owner:
        sizes = [path.stat().st_size for path in world.service.data.glob("log.sqlite*")]
        large = (sealed.ref.sealed_size - 1) > max(sizes)
        world.limit_files(sealed.ref.sealed_size - 1 if large else UNLIMITED)
        if large:
            with pytest.raises(TobariError) as refused:
                owner.upload(sealed)
            assert refused.value.code == "object.write"
            world.load.send_some(3)
        world.limit_files(UNLIMITED)
    world.check()
    world.check_object(sealed, key, data)


def _torn_unacknowledged(world: World) -> None:
    """The last transaction reached the disk in part, and nobody was told that it was there."""
    with world.load.running():
        world.load.wait_for(WARM)
        with world.stops.at("entries:committed"):
            held = world.stops.wait()
            world.kill(HOST)
            held.let_go()
        world.over(HOST)
    begin, end = torn.last_transaction(world.wal)
    if world.restarts % 2:
        torn.garble(world.wal, end - 64)
    else:
        torn.cut(world.wal, begin + (end - begin) // 2)
    world.start_again()


def _torn_acknowledged(world: World) -> None:
    """The disk said that it was there, and it was not: what no lone node can know, its clients do."""
    with _killed(world):
        # Whatever is in the WAL after this start is nowhere else.
        torn.fold_in(world.database)
        world.service.start()
        world.load.send_some(5)
        world.load.check()
        world.kill(HOST)
        world.over(HOST)
        with _restored(world):
            torn.cut(world.wal, torn.HEADER)
            assert world.service.comes_up()
            with pytest.raises(Untrusted) as refused:
                world.load.send_some(1)
            assert refused.value.code == "client.rollback"
            world.kill(HOST)
            world.over(HOST)


def _torn_header(world: World) -> None:
    _garbled(world, "SELECT header FROM entries WHERE seq = 0", "host.checkpoint")


def _torn_body(world: World) -> None:
    _garbled(world, "SELECT sealed FROM entries ORDER BY seq DESC", "log.entry")


def _torn_page(world: World) -> None:
    with _killed(world):
        torn.fold_in(world.database)
        with _restored(world):
            torn.cut(world.database, world.database.stat().st_size - 2048)
            _refuses(world, "store.damaged")


def _garbled(world: World, query: str, code: str) -> None:
    with _killed(world):
        torn.fold_in(world.database)
        with _restored(world):
            db = sqlite3.connect(world.database)
            (value,) = db.execute(query).fetchone()
            db.close()
            torn.garble(world.database, torn.place_of(world.database, value))
            _refuses(world, code)


def _refuses(world: World, code: str) -> None:
    said = len(world.service.said())
    assert not world.service.comes_up()
    assert code in world.service.said()[said:]


@contextlib.contextmanager
def _killed(world: World) -> Iterator[None]:
    """A host killed under load, and started again at the end."""
    with world.load.running():
        world.load.wait_for(WARM)
        world.kill(HOST)
        world.over(HOST)
    yield
    world.start_again()


@contextlib.contextmanager
def _restored(world: World) -> Iterator[None]:
    """What is torn inside is as it was afterwards: the operator had a copy."""
    copy = world.service.folder / "copy"
    shutil.copytree(world.service.data, copy)
    yield
    shutil.rmtree(world.service.data)
    copy.rename(world.service.data)


def _founding(world: World, stop: str) -> None:
    """Another service, killed while it is founded."""
    other = World(world.service.folder / stop.replace(":", "-"))
    with other.service as service:
        with other.stops.at(stop):
            service.launch()
            held = other.stops.wait()
            other.kill(HOST)
            held.let_go(drop=True)
            other.over(HOST)
        service.start()
        other.load.send_some(3)
        other.load.check()
        other.check_nonces()


# --- the table ---


def _stop(during: str, step: str, stop: str, victims: dict[str, bool], found: str = BACK) -> list[Row]:
    """A row for each victim; True: what was about to be done when the enclave was killed is not done."""
    return [
        Row(during, step, victim, found, functools.partial(World.killed_at, stop=stop, victim=victim, drop=drop))
        for victim, drop in victims.items()
    ]


def _start(step: str, stop: str, *victims: str) -> list[Row]:
    return [
        Row("a start", step, victim, BACK, functools.partial(World.killed_while_starting, stop=stop, victim=victim))
        for victim in victims
    ]


def _found(step: str, stop: str) -> Row:
    return Row("a founding", step, HOST, FOUNDED, functools.partial(_founding, stop=stop))


def _upload(step: str, stop: str, *victims: str) -> list[Row]:
    return [
        Row("an upload", step, v, WHOLE, functools.partial(World.killed_while_uploading, stop=stop, victim=v))
        for v in victims
    ]


def _job(step: str, stop: str, victims: dict[str, bool]) -> list[Row]:
    def ask(world: World, victim: str, drop: bool) -> None:
        world.killed_at(stop, victim, drop=drop, do=world.room.ask)

    return [
        Row("a job", step, victim, DONE, functools.partial(ask, victim=victim, drop=drop))
        for victim, drop in victims.items()
    ]


def _work(step: str, result: bool, *victims: str) -> list[Row]:
    return [
        Row("a job", step, v, DONE, functools.partial(World.killed_in_worker, victim=v, result=result)) for v in victims
    ]


BOTH = {HOST: False, ENCLAVE: False}
LOST = {HOST: False, ENCLAVE: True}
"""Killed before its message left: the message is lost, too."""

ROWS: tuple[Row, ...] = (
    *_stop("a commit", "entries made, not sent", "to-host:append", LOST),
    *_stop("a commit", "at the host, not written", "entries:before-commit", BOTH),
    *_stop("a commit", "durable, not acknowledged", "entries:committed", BOTH),
    *_stop("a commit", "acknowledged, the enclave does not know", "to-enclave:appended", LOST),
    *_stop("a commit", "checkpoint signed, not published", "to-host:publish", LOST),
    *_stop("a commit", "published, no reply sent", "published", BOTH),
    *_stop("a checkpoint", "kept, not durable", "checkpoints:before-commit", {HOST: False}),
    *_stop("a snapshot", "sealed, not sent", "to-host:store-snapshot", LOST),
    *_stop("a snapshot", "the old one removed, the new one not there", "snapshots:rows", BOTH),
    *_stop("a snapshot", "written, not durable", "snapshots:before-commit", {HOST: False}),
    *_stop("a snapshot", "durable", "snapshots:committed", BOTH),
    _found("sealed state not sent", "to-host:store-sealed"),
    _found("sealed state not durable", "sealed:before-commit"),
    _found("sealed state durable, the log empty", "sealed:committed"),
    _found("first entry not durable", "entries:before-commit"),
    _found("first entry durable, nothing published", "entries:committed"),
    *_start("the log not handed over", "to-enclave:boot", HOST, ENCLAVE),
    *_start("handed over, not live", "to-enclave:live", HOST, ENCLAVE),
    *_start("the boot's entry not sent", "to-host:append", HOST, ENCLAVE),
    *_start("the boot's entry durable", "entries:committed", HOST, ENCLAVE),
    *_upload("in the middle of the body", "upload:chunk", HOST, ENCLAVE),
    *_upload("whole, without its name", "upload:before-rename", HOST),
    *_upload("with its name, the folder not synced", "upload:renamed", HOST),
    *_job("taken, objects not asked for", "to-host:fetch-object", LOST),
    *_job("fetching objects", "to-enclave:object-part", {HOST: False, ENCLAVE: False, SERVER: False}),
    *_work("in the worker", False, HOST, ENCLAVE, SERVER),
    Row(
        "a job", "in the worker", WORKER,
        "no restart: the job has failed with `worker.died`, asking again gives the right answer",
        functools.partial(World.killed_in_worker, victim=WORKER),
    ),
    *_work("result there, no entry", True, HOST, ENCLAVE),
    *_job("entry made, not sent", "to-host:append-release", LOST),
    *_job("entry durable, not acknowledged", "to-enclave:appended-release", LOST),
    Row("a full disk", "the log cannot grow", "nobody", f"the host ends with `store.write`; {BACK}", _log_disk_full),
    Row(
        "a full disk", "an object cannot grow", "nobody",
        "the upload is refused with `object.write`, commands go on; sending it again completes it",
        _object_disk_full,
    ),
    Row("a torn page", "of a transaction that nobody was told of", HOST, BACK, _torn_unacknowledged),
    Row(
        "a torn page", "of acknowledged transactions (the disk lied)", HOST,
        "the host cannot know; every client refuses the answer with `client.rollback`; good again with the page back",
        _torn_acknowledged,
    ),
    Row(
        "a torn page", "a leaf header", HOST,
        "the host refuses to start: `host.checkpoint`; good again with the page back", _torn_header,
    ),
    Row(
        "a torn page", "a sealed body", HOST,
        "the enclave refuses to start: `log.entry`; good again with the page back", _torn_body,
    ),
    Row(
        "a torn page", "the database's last page", HOST,
        "the host refuses to start: `store.damaged`; good again with the page back", _torn_page,
    ),
)  # fmt: skip
