"""The session state machine as a dialogue in which host, clients and workers all cheat (spec/link.md, spec/command.md).

Whatever is said in whatever order: no exception leaves the enclave's code, it halts only for a fault of the host, says
nothing that is not durable, carries nothing out twice, and every receipt that it releases verifies.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.enclave.memory import consortium
from tests.fuzz.world import START, World
from tobari.base import wire
from tobari.base.errors import Malformed
from tobari.base.messages import link
from tobari.base.messages.command import Command
from tobari.base.messages.genesis import Genesis
from tobari.base.messages.objects import TAG, ObjectRef
from tobari.base.principal import Role
from tobari.client.command import SignedCommand
from tobari.crypto.envelope import ReplyKey, seal_request
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey, sign1
from tobari.enclave.workers.failures import to_error
from tobari.enclave.workers.job import Inspection, Rows
from tobari.enclave.workers.server import Done, Failed, Progress
from tobari.rules.query.terms import sign_terms
from tobari.rules.query.terms_file import from_toml

_GENESIS, KEYS = consortium(bank=[Role.ISSUER, Role.OWNER], shop=[Role.ANALYST], client=[])
GENESIS = Genesis(name="fuzz", members=_GENESIS.members, programs=["currency", "room"])
NAMES = sorted(KEYS)
TERMS = """
room = "r"
purpose = "Fuzzing"
entity = "id"
min_group = 2
recipients = ["shop"]
[columns.id]
type = "text"
role = "identifier"
[columns.sex]
type = "integer"
role = "quasi-identifier"
uses = ["filter", "group"]
"""
QUESTIONS = ["SELECT COUNT(*) FROM r", "SELECT sex, COUNT(*) FROM r GROUP BY sex", "SELECT id FROM r", "DROP TABLE r"]

names = st.sampled_from(NAMES)
amounts = st.integers(1, 50) | st.sampled_from([0, -1, 1 << 53, 1.5, "7", None, True])
places = st.floats(0, 1, exclude_max=True)


class Dialogue(RuleBasedStateMachine):
    @initialize(snapshot_every=st.sampled_from([3, 1000]))
    def found(self, snapshot_every: int) -> None:
        self.world = World(GENESIS, snapshot_every=snapshot_every)
        self.sent: list[tuple[bytes, ReplyKey, list[SignedCommand]]] = []
        self.signed: list[SignedCommand] = []
        self.descriptors = len(os.listdir("/proc/self/fd"))
        self.world.boot(checkpoint=None, snapshot=None, sealed=None)
        self.world.settle()

    # --- clients ---

    def sign(self, name: str, program: str, command: str, args: dict[str, Any], **other: Any) -> SignedCommand:
        fields = {
            "program": program,
            "command": command,
            "args": args,
            "audience": self.world.service,
            "id": secrets.token_bytes(16),
            "expires": self.world.now + 60_000,
            **other,
        }
        payload = wire.to_cbor(Command(**fields))
        one = SignedCommand(id=fields["id"], signed=sign1(KEYS[name], payload, label=Label.COMMAND))
        self.signed.append(one)
        return one

    def send(self, *commands: SignedCommand, epoch: int = 1) -> None:
        envelope, reply = seal_request(
            self.world.recipient,
            service_id=self.world.service,
            epoch=epoch,
            commands=[command.signed for command in commands],
        )
        self.sent.append((envelope, reply, list(commands)))
        self.world.call(envelope, reply, list(commands))

    def is_up(self) -> bool:
        return self.world.up

    @precondition(is_up)
    @rule(
        by=names,
        to=names,
        amounts=st.lists(amounts, min_size=1, max_size=3),
        kind=st.sampled_from(["issue", "transfer"]),
    )
    def move_money(self, by: str, to: str, amounts: list[Any], kind: str) -> None:
        self.send(*(self.sign(by, "currency", kind, {"to": to, "amount": amount}) for amount in amounts))

    @precondition(is_up)
    @rule(by=names, amount=amounts)
    def burn(self, by: str, amount: Any) -> None:
        self.send(self.sign(by, "currency", "burn", {"amount": amount}))

    @precondition(is_up)
    @rule(by=names, place=places)
    def look(self, by: str, place: float) -> None:
        commands = [self.sign(by, "currency", "balance", {}), self.sign(by, "currency", "total", {})]
        commands.append(self.sign(by, "service", "status", {"id": self.pick(self.signed, place).id}))
        self.send(*commands)

    @precondition(is_up)
    @rule(
        by=names,
        other=st.sampled_from(
            [
                {"audience": bytes(32)},
                {"expires": START - 1},
                {"expires": START + 500_000_000_000},
                {"expires": -1},
                {"program": "lottery"},
                {"command": "mint"},
                {"args": {"to": [[]], "amount": {}}},
            ]
        ),
    )
    def send_what_does_not_fit(self, by: str, other: dict[str, Any]) -> None:
        fields: dict[str, Any] = {
            "args": {"to": "shop", "amount": 1},
            "program": "currency",
            "command": "issue",
            **other,
        }
        args, program, command = fields.pop("args"), fields.pop("program"), fields.pop("command")
        self.send(self.sign(by, program, command, args, **fields))

    @precondition(is_up)
    @rule(place=places, cut=places, bit=st.integers(0, 7))
    def send_an_altered_command(self, place: float, cut: float, bit: int) -> None:
        if not self.signed:
            return
        data = bytearray(self.pick(self.signed, place).signed)
        data[int(cut * len(data))] ^= 1 << bit
        self.send(SignedCommand(id=bytes(16), signed=bytes(data)), SignedCommand(id=bytes(16), signed=bytes(data[:20])))

    @precondition(is_up)
    @rule(by=names)
    def send_a_strangers_command(self, by: str) -> None:
        payload = wire.to_cbor(
            Command(
                program="currency",
                command="issue",
                args={"to": by, "amount": 5},
                audience=self.world.service,
                id=secrets.token_bytes(16),
                expires=self.world.now + 1000,
            )
        )
        self.send(SignedCommand(id=bytes(16), signed=sign1(SigningKey.generate(), payload, label=Label.COMMAND)))

    @precondition(is_up)
    @rule(place=places)
    def replay_an_envelope(self, place: float) -> None:
        if self.sent:
            self.world.call(*self.pick(self.sent, place))

    @precondition(is_up)
    @rule(place=places, twice=st.booleans())
    def replay_a_command(self, place: float, twice: bool) -> None:
        if self.signed:
            command = self.pick(self.signed, place)
            self.send(*[command] * (1 + twice))

    @precondition(is_up)
    @rule(place=places, cut=places, how=st.sampled_from(["cut", "flip", "grow", "noise"]))
    def send_an_altered_envelope(self, place: float, cut: float, how: str) -> None:
        envelope = self.pick(self.sent, place)[0] if self.sent else b"\x01" * 100
        at = int(cut * len(envelope))
        flipped = envelope[:at] + bytes([envelope[at] ^ 1]) + envelope[at + 1 :]
        altered = {"cut": envelope[:at], "flip": flipped, "grow": envelope + b"\0", "noise": secrets.token_bytes(at)}
        number = next(self.world.numbers)
        self.world.give(link.Call(request=number, envelope=altered[how]))
        assert number in self.world.refused

    @precondition(is_up)
    @rule(by=names, epoch=st.sampled_from([0, 2, 2**32 - 1]))
    def send_to_another_epoch(self, by: str, epoch: int) -> None:
        self.send(self.sign(by, "currency", "balance", {}), epoch=epoch)
        assert "envelope.epoch" in self.world.refused.values()

    @precondition(is_up)
    @rule(nonce=st.binary(max_size=64))
    def attest(self, nonce: bytes) -> None:
        number = next(self.world.numbers)
        self.world.give(link.Attest(request=number, nonce=nonce))
        assert self.world.evidence[number] == nonce

    # --- rooms ---

    @precondition(is_up)
    @rule(by=names, size=st.sampled_from([0, 5, (1 << 20) + 3]), dataset=st.sampled_from([b"d" * 16, b"e" * 16]))
    def contribute(self, by: str, size: int, dataset: bytes) -> None:
        args = {
            "room": "r",
            "terms": sign_terms(from_toml(TERMS, dataset=dataset), key=KEYS[by]),
            "objects": [wire.to_builtins(ObjectRef(root=secrets.token_bytes(32), size=size))],
            "format": "csv",
            "data_key": bytes(32),
        }
        self.send(self.sign(by, "room", "contribute", args))

    @precondition(is_up)
    @rule(by=names, sql=st.sampled_from(QUESTIONS))
    def ask(self, by: str, sql: str) -> None:
        self.send(self.sign(by, "room", "run", {"room": "r", "sql": sql}))

    @precondition(is_up)
    @rule(by=names, place=places, what=st.sampled_from(["cancel", "job"]))
    def meddle_with_a_job(self, by: str, place: float, what: str) -> None:
        if self.signed:
            self.send(self.sign(by, "room", what, {"job": self.pick(self.signed, place).id}))

    @precondition(is_up)
    @rule(by=names, dataset=st.sampled_from([b"d" * 16, b"e" * 16]))
    def withdraw(self, by: str, dataset: bytes) -> None:
        self.send(self.sign(by, "room", "withdraw", {"dataset": dataset}))
        self.send(self.sign(by, "room", "describe", {"room": "r"}), self.sign(by, "room", "releases", {"room": "r"}))

    # --- workers ---

    @precondition(lambda self: self.world.fetches)
    @rule(how=st.sampled_from(["good", "good", "short", "long", "late", "twice", "foreign", "missing"]))
    def deliver(self, how: str) -> None:
        """The chunks of the object asked for last, or what is none."""
        wanted = self.world.fetches[-1]
        fetching = self.world.runner._fetching
        size = 0 if fetching is None else min(fetching.source.object.sealed_size, (1 << 20) + TAG)
        if fetching is not None and fetching.chunks:
            size = fetching.source.object.sealed_size - fetching.chunks * ((1 << 20) + TAG)
        index = 0 if fetching is None else fetching.chunks
        part = link.ObjectPart(fetch=wanted.fetch, index=index, data=bytes(size))
        match how:
            case "good":
                self.world.give(part)
            case "twice":
                self.world.give(part)
                self.world.give(part)
            case "short" | "long":
                data = bytes(max(0, size - 1) if how == "short" else size + 1)
                self.world.give(link.ObjectPart(fetch=wanted.fetch, index=index, data=data))
            case "late":
                self.world.give(link.ObjectPart(fetch=wanted.fetch, index=index + 1, data=bytes(size)))
            case "foreign":
                self.world.give(link.ObjectPart(fetch=2**64 - 1, index=0, data=b""))
            case "missing":
                self.world.give(link.ObjectMissing(fetch=wanted.fetch))

    @precondition(lambda self: self.world.workers.running)
    @rule(
        what=st.sampled_from(["rows", "counts", "wrong counts", "huge", "failed", "unknown code", "progress"]),
        place=places,
    )
    def work(self, what: str, place: float) -> None:
        number = self.pick(sorted(self.world.workers.running), place)
        events = {
            "rows": Done(number, Rows(columns=["n"], types=["integer"], rows=[[3]])),
            "counts": Done(number, Inspection(rows=9, entities=9, decoded_bytes=9, bad_cells=[0, 0])),
            "wrong counts": Done(number, Inspection(rows=0, entities=2**63, decoded_bytes=0, bad_cells=[])),
            "huge": Done(number, Rows(columns=["n"], types=["text"], rows=[["x" * (3 << 20)]])),
            "failed": Failed(number, to_error("worker.timeout")),
            "unknown code": Failed(number, Malformed("dataset.column", "Column.")),
            "progress": Progress(number, "parse", place),
        }
        if what != "progress":
            del self.world.workers.running[number]
        self.world.workers.pending.append(events[what])
        if what == "failed":
            self.world.workers.pending.append(events["rows"])  # and once more, after its end
        self.world.worker_events()

    # --- an honest host that is slow, and its clock ---

    @rule()
    def acknowledge(self) -> None:
        self.world.acknowledge()

    @rule()
    def settle(self) -> None:
        """With nothing on its way, every call has had its answer."""
        self.world.settle()
        if self.world.judge.halted is None:
            assert self.world.judge.asked == {}

    @rule(step=st.sampled_from([1, 1, 1, 61_000, 700_000, -30_000, -10_000_000_000_000]))
    def move_the_clock(self, step: int) -> None:
        self.world.now += step

    # --- a host at fault: whatever it says, the enclave halts in good order or was not harmed ---

    @precondition(is_up)
    @rule(
        message=st.sampled_from(
            [
                link.Appended(batch=0),
                link.Appended(batch=2**64 - 1),
                link.Live(),
                link.Replay(first=0, entries=[]),
                link.Boot(genesis=b"", sealed=None, snapshot=None, checkpoint=None, log_size=0),
                link.ObjectPart(fetch=0, index=0, data=b"x"),
                link.ObjectMissing(fetch=99),
            ]
        ),
        again=st.booleans(),
    )
    def speak_out_of_turn(self, message: Any, again: bool) -> None:
        if isinstance(message, link.Appended) and again and self.world.acks:
            batch, _ = self.world.acks[0]
            self.world.acknowledge()
            message = link.Appended(batch=batch)
        self.world.judge.blamed = True
        self.world.give(message)
        harmless = isinstance(message, link.ObjectPart | link.ObjectMissing)
        assert (self.world.judge.halted is None) == harmless
        self.world.judge.blamed = not harmless

    @rule(settled=st.booleans())
    def stop(self, settled: bool) -> None:
        if self.world.up:
            self.world.give(link.Stop())
            self.world.settle()
            assert self.world.stopped
        self.restart(keep=1.0)

    @rule(keep=places)
    def crash(self, keep: float) -> None:
        """Entries that nobody acknowledged may be on the disk or not."""
        self.restart(keep=keep)

    def restart(self, *, keep: float) -> None:
        durable = self.world.judge.durable
        unsure = len(self.world.entries) - durable
        del self.world.entries[durable + round(keep * unsure) :]
        self.boot()
        assert self.world.judge.halted is None
        self.world.settle()
        assert self.world.up

    def boot(self, **edited: Any) -> None:
        kept = {
            "checkpoint": self.world.checkpoints[-1] if self.world.checkpoints else None,
            "snapshot": self.world.snapshots[-1] if self.world.snapshots else None,
            "sealed": self.world.sealed,
        }
        while self.world.runner._fetching is not None:  # as the end of the process would: its memory files are gone
            self.world.runner.cancel(self.world.runner._fetching.job.id)
        self.world.boot(**{**kept, **edited})

    @rule(
        how=st.sampled_from(
            ["drop", "swap", "flip", "repeat", "gap", "cross", "truncate", "sealed", "genesis", "note"]
        ),
        place=places,
        bit=st.integers(0, 7),
        bare=st.booleans(),
    )
    def restart_with_an_edited_log(self, how: str, place: float, bit: int, bare: bool) -> None:
        """Refused, or what it holds still holds; the true log is taken up again afterwards."""
        world = self.world
        del world.entries[world.judge.durable :]
        true, log = list(world.entries), list(world.entries)
        edited: dict[str, Any] = {"handed": log, **({"snapshot": None} if bare else {})}
        at = int(place * len(log))
        match how:
            case "drop":
                del log[at]
            case "swap":
                log[at], log[-1] = log[-1], log[at]
            case "flip":
                log[at] = flipped(log[at], place, bit)
            case "repeat":
                log.insert(at, log[at])
            case "gap":
                log[at] = link.Entry(header=b"", public=b"", sealed=b"")
            case "cross":
                log[at] = link.Entry(header=log[at].header, public=log[-1].public, sealed=log[0].sealed)
            case "truncate":
                del log[at:]
            case "sealed":
                assert world.sealed is not None
                edited["sealed"] = world.sealed[:-1] + bytes([world.sealed[-1] ^ 1]) if bit else b""
            case "genesis":
                world.genesis = Genesis(name="other", members=GENESIS.members, programs=["currency"])
            case "note":
                edited["checkpoint"] = ["", "\n\n", "tobari\n-1\n\n\n— x AAAA\n", world.checkpoints[-1][:-9]][bit % 4]
        self.boot(**edited)
        # What a snapshot stands for is not read again: the enclave has its own hashes of that.
        first = world.replayed_from
        log_differs = log[first:] != true[first:]
        world.judge.blamed = log_differs or how in ("sealed", "genesis", "note")
        world.settle()
        assert (world.judge.halted is not None) == world.judge.blamed
        world.genesis = GENESIS
        if world.judge.blamed:
            self.restart(keep=1.0)

    @rule(place=places)
    def roll_back(self, place: float) -> None:
        """A lone node cannot see that its host cut the log where no checkpoint tells: it must go on from there."""
        world = self.world
        del world.entries[max(1, int(place * world.judge.durable)) :]
        world.checkpoints = []
        self.boot(snapshot=world.snapshots[int(place * len(world.snapshots))] if world.snapshots else None)
        if world.judge.halted is not None:
            # A snapshot of a branch that was cut off contradicts what follows: host's fault, and no way on with it.
            assert world.judge.halted.code in ("log.entry", "log.forked")
            world.snapshots = []
            self.boot()
        world.snapshots = []
        world.settle()
        assert world.up

    # --- always ---

    @invariant()
    def it_halts_only_for_the_hosts_faults(self) -> None:
        if hasattr(self, "world") and self.world.judge.halted is not None:
            assert self.world.judge.blamed
            self.boot()
            assert self.world.judge.halted is None
            self.world.settle()

    @invariant()
    def the_sum_is_the_supply(self) -> None:
        if hasattr(self, "world"):
            total, supply = self.world.money()
            assert total == supply

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.boot()
            assert len(os.listdir("/proc/self/fd")) <= self.descriptors, "a memory file is left open"

    @staticmethod
    def pick(items: Any, place: float) -> Any:
        return items[int(place * len(items))]


def flipped(entry: link.Entry, place: float, bit: int) -> link.Entry:
    parts = {"header": entry.header, "public": entry.public, "sealed": entry.sealed}
    name = [name for name, data in parts.items() if data][bit % sum(map(bool, parts.values()))]
    data = bytearray(parts[name])
    data[int(place * len(data))] ^= 1 << bit
    return link.Entry(**{**parts, name: bytes(data)})


_EXAMPLES = int(os.environ.get("TOBARI_FUZZ_EXAMPLES", "40"))
Dialogue.TestCase.settings = settings(max_examples=_EXAMPLES, stateful_step_count=40, deadline=None)
TestDialogue = Dialogue.TestCase
