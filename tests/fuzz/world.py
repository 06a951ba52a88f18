"""The real keeper and job runner between a host and workers that a test steers, with a judge of what they say.

`World` carries messages and keeps what each side would keep; nothing is delivered before the test says so. `Judge`
watches the enclave's side: everything it releases must already be durable, verify, and belong to one growing log. Only
a fault of the host (`blame`) may bring it to a halt.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

from tobari.base import cbor
from tobari.base.errors import Limited
from tobari.base.messages import link
from tobari.base.messages.genesis import Genesis
from tobari.base.messages.relay import Relayed
from tobari.client.answer import open_answer, results_of
from tobari.client.command import SignedCommand
from tobari.client.result import Result
from tobari.crypto.envelope import ReplyKey
from tobari.crypto.hpke import Kem, RecipientPublicKey
from tobari.enclave.jobs import JobRunner
from tobari.enclave.keeper import CancelJob, Keeper, StartJob
from tobari.enclave.platform.virtual import VirtualPlatform
from tobari.enclave.programs.currency import Currency
from tobari.enclave.programs.room import Room
from tobari.enclave.programs.service import Service
from tobari.enclave.runtime.job import Work
from tobari.enclave.workers.job import Limits
from tobari.enclave.workers.server import Event
from tobari.ledger.checkpoint import open_checkpoint
from tobari.ledger.note import NoteKey
from tobari.ledger.tree import Tree, leaf_hash

ROOT = bytes(range(32))
START = 1_790_000_000_000


class Attester:
    """Remembers what it was to claim; a nonce is its own evidence."""

    claims: dict[str, Any]

    def serve(self, **claims: Any) -> None:
        self.claims = claims

    def evidence(self, nonce: bytes) -> bytes:
        return nonce


class Workers:
    """A worker server in memory: takes jobs, ends none by itself."""

    is_alive = True

    def __init__(self) -> None:
        self.running: dict[int, Work] = {}
        self.pending: list[Event] = []
        self._numbers = itertools.count(1)

    def fileno(self) -> int:
        return 0

    def submit(self, work: Work, objects: list[int], *, limits: Limits) -> int:
        if len(self.running) >= 4:
            raise Limited("worker.busy", "Too many.")
        for descriptor in objects:
            os.close(descriptor)
        number = next(self._numbers)
        self.running[number] = work
        return number

    def cancel(self, number: int) -> None:
        self.running.pop(number, None)

    def events(self) -> list[Event]:
        events, self.pending = self.pending, []
        return events


class Judge:
    """What the enclave has said of one history, and whether it may say so."""

    def __init__(self) -> None:
        self.tree = Tree()
        self.durable = 0
        """Entries that the host has acknowledged."""
        self.asked: dict[int, tuple[ReplyKey, list[SignedCommand]]] = {}
        self.spent: dict[bytes, int] = {}
        """Signed commands that were told to be in the log, and where."""
        self.halted: link.Halt | None = None
        self.blamed = False

    def reset(self, entries: list[link.Entry]) -> None:
        """A new boot on this log. What it no longer holds is forgotten by whoever cut it off."""
        self.tree = Tree()
        self.tree.extend(leaf_hash(entry.header) for entry in entries)
        self.durable = len(entries)
        self.asked = {}
        self.spent = {signed: index for signed, index in self.spent.items() if index < len(entries)}
        self.halted = None
        self.blamed = False

    def published(self, message: link.Publish, key: NoteKey) -> None:
        checkpoint = open_checkpoint(message.checkpoint, key)
        assert checkpoint.tree_size == self.durable, "signed before it was durable, or not all that is"
        assert checkpoint.root_hash == self.tree.root(checkpoint.tree_size)
        for reply in message.replies:
            self._replied(reply, message.checkpoint, key)

    def _replied(self, reply: link.Reply, note: str, key: NoteKey) -> None:
        opener, commands = self.asked.pop(reply.request)
        relayed = Relayed(response=reply.response, checkpoint=note, consistency=[])
        opened = open_answer(relayed, reply=opener, key=key, commands=len(commands))
        for command, result in zip(commands, results_of(opened, commands, key=key), strict=True):
            self._result(command, result)

    def _result(self, command: SignedCommand, result: Result) -> None:
        if command.signed in self.spent:
            assert result.status == "INVALID", "a spent id was carried out again"
            assert result.error is not None
            assert result.error.code in ("command.replayed", "command.expired", "command.forgotten")
        elif result.receipt is not None:
            assert result.receipt.index < self.durable
            self.spent[command.signed] = result.receipt.index


class World:
    """One service over many boots. Messages to the host wait in `acks` and `fetches`."""

    def __init__(self, genesis: Genesis, *, snapshot_every: int) -> None:
        self.genesis = genesis
        self.snapshot_every = snapshot_every
        self.judge = Judge()
        self.entries: list[link.Entry] = []
        self.sealed: bytes | None = None
        self.snapshots: list[bytes] = []
        self.checkpoints: list[str] = []
        self.now = START
        self.numbers = itertools.count(1)

    # --- boots ---

    def boot(
        self,
        *,
        checkpoint: str | None,
        snapshot: bytes | None,
        sealed: bytes | None,
        handed: list[link.Entry] | None = None,
    ) -> None:
        """Start an enclave on the log, or on `handed` for it."""
        self.judge.reset(self.entries)
        self.handed = list(self.entries if handed is None else handed)
        self.replayed_from = 0
        self.acks: list[tuple[int, int]] = []
        """Batches to acknowledge, and the size of the log with each."""
        self.fetches: list[link.FetchObject] = []
        self.refused: dict[int, str] = {}
        self.evidence: dict[int, bytes] = {}
        self.live = self.stopped = False
        self.workers = Workers()
        self.runner = JobRunner(workers=self.workers, limits=Limits())  # type: ignore[arg-type]
        self.attester = Attester()
        self.keeper = Keeper(
            platform=VirtualPlatform(root=ROOT, measurement=bytes(32)),
            programs={program.name: program for program in (Service(), Currency(), Room())},
            attester=self.attester,  # type: ignore[arg-type]
            snapshot_every=self.snapshot_every,
        )
        self.give(
            link.Boot(
                genesis=self.genesis.encode(),
                sealed=sealed,
                snapshot=snapshot,
                checkpoint=checkpoint,
                log_size=len(self.handed),
            )
        )

    @property
    def up(self) -> bool:
        """Whether calls are answered."""
        return self.live and not self.stopped and self.judge.halted is None

    # --- messages ---

    def give(self, message: Any) -> None:
        if isinstance(message, link.ObjectPart | link.ObjectMissing):
            self.take(self.runner.receive(message))
            self.worker_events()
        else:
            self.take(self.keeper.receive(message, now=self.now))

    def worker_events(self) -> None:
        for event in self.runner.events():
            if event.progress is not None:
                self.keeper.progress(event.job, *event.progress)
            else:
                self.take(self.keeper.job_ended(event.job, result=event.result, error=event.error, now=self.now))
        self.take(list(self.runner.proceed()))

    def take(self, outputs: list[Any]) -> None:
        for output in outputs:
            assert self.judge.halted is None or isinstance(output, StartJob | CancelJob), "it spoke after its halt"
            if not isinstance(output, StartJob | CancelJob):
                assert len(link.encode(output)) > 4
            self._take(output)

    def _take(self, output: Any) -> None:
        match output:
            case link.StoreSealed(sealed=sealed):
                self.sealed = sealed
            case link.StoreSnapshot(snapshot=snapshot):
                self.snapshots.append(snapshot)
            case link.ReplayFrom(first=first):
                assert 0 <= first <= len(self.handed)
                self.replayed_from = first
                self.give(link.Replay(first=first, entries=self.handed[first:]))
                self.give(link.Live())
            case link.Append(batch=batch, first=first, entries=entries):
                assert first == len(self.entries)
                assert not self.acks, "one batch is on its way at a time"
                self.entries += entries
                self.judge.tree.extend(leaf_hash(entry.header) for entry in entries)
                self.acks.append((batch, len(self.entries)))
            case link.Publish():
                self.checkpoints.append(output.checkpoint)
                self.judge.published(output, self.key)
            case link.Evidence(request=request, evidence=evidence):
                self.evidence[request] = evidence
            case link.Ready():
                self.live = True
            case link.Refusal(request=request, code=code):
                self.refused[request] = code
                self.judge.asked.pop(request, None)
            case link.FetchObject():
                self.fetches.append(output)
            case StartJob(job):
                self.take(list(self.runner.start(job)))
            case CancelJob(job_id):
                self.take(list(self.runner.cancel(job_id)))
            case link.Stopped():
                self.stopped = True
            case link.Halt():
                self.judge.halted = output
            case _:
                raise AssertionError(output)

    def acknowledge(self) -> None:
        """Say that the batch on its way is durable."""
        if self.acks and self.judge.halted is None:
            batch, self.judge.durable = self.acks.pop(0)
            self.give(link.Appended(batch=batch))

    def settle(self) -> None:
        """Acknowledge until nothing is on its way."""
        while self.acks and self.judge.halted is None:
            self.acknowledge()

    # --- clients ---

    @property
    def service(self) -> bytes:
        identifier: bytes = self.attester.claims["service"]
        return identifier

    @property
    def key(self) -> NoteKey:
        return NoteKey(name=self.attester.claims["origin"], key=self.attester.claims["identity"])

    @property
    def recipient(self) -> RecipientPublicKey:
        return RecipientPublicKey(Kem.X25519, self.attester.claims["kems"][Kem.X25519])

    def call(self, envelope: bytes, reply: ReplyKey, commands: list[SignedCommand]) -> int:
        number = next(self.numbers)
        self.judge.asked[number] = (reply, commands)
        self.give(link.Call(request=number, envelope=envelope))
        return number

    # --- what the enclave holds ---

    def money(self) -> tuple[int, int]:
        """The sum of all balances, and the supply."""
        tables = self.keeper._state.store.tables
        balances = [cbor.decode_own(value) for value in tables.get("currency.balances", {}).values()]
        assert all(balance >= 0 for balance in balances)
        supply = [cbor.decode_own(value) for value in tables.get("currency.supply", {}).values()]
        return sum(balances), sum(supply)
