"""The keeper: the enclave's protocol as a state machine. Messages and time in, messages out; no I/O.

    founding ─┐
              ├─ replaying ── live ── stopping ── stopped
    known ────┘        └────────┴── halted (what the host handed over does not hold)

A batch of entries goes to the host as Append; when the host says Appended (durable), the checkpoint is signed, and only
then are the replies of that batch sealed and released. While one batch is on its way the next one collects. A query is
answered with the batch that makes everything it could see durable.
"""

from __future__ import annotations

import enum
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from tobari.base import cbor, wire
from tobari.base.errors import Broken, Malformed, TobariError, TooLarge, Unavailable, Untrusted
from tobari.base.logtime import advance
from tobari.base.messages import genesis as genesis_file
from tobari.base.messages import link
from tobari.base.messages.command import Answer, ErrorReport, Outcome
from tobari.crypto.envelope import ReplyKey, open_request, service_keys
from tobari.crypto.labels import Label
from tobari.crypto.padding import MAX_BODY
from tobari.enclave import identity, snapshot
from tobari.enclave.attester import Attester
from tobari.enclave.executor import MAX_OUTCOME, Executed, Executor
from tobari.enclave.identity import ServiceSecrets
from tobari.enclave.membership import Membership
from tobari.enclave.platform import Platform
from tobari.enclave.runtime.job import Job, JobState
from tobari.enclave.runtime.program import Program
from tobari.enclave.runtime.transaction import JOBS, RUNNING
from tobari.enclave.sealed_log import BootRecord, SealedLog, SealedRecord
from tobari.enclave.state import State
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.frontier import Batch
from tobari.ledger.note import NoteKey
from tobari.ledger.path import leaf_hash

TERM = 1
"""One node: there is no election, and the term never changes."""
MAX_WAITING = 8 << 20
"""Bytes of entries that may wait for the batch before them; more is refused until the host has caught up."""
MAX_PUBLISH = 16 << 20
"""Bytes of replies in one frame."""
OUTCOME_ROOM = MAX_OUTCOME + 1400
"""Bytes kept free in an answer for each command: its value or error, header, claims and inclusion proof."""
SNAPSHOT_EVERY = 10_000
"""Entries between snapshots."""


class StartJob(NamedTuple):
    """To the rim: have a worker do this."""

    job: Job


class CancelJob(NamedTuple):
    job: bytes


Output = link.ToHost | StartJob | CancelJob


class Phase(enum.Enum):
    BOOTING = enum.auto()
    REPLAYING = enum.auto()
    LIVE = enum.auto()
    STOPPING = enum.auto()
    ENDED = enum.auto()


class _Waiting(NamedTuple):
    """A call whose outcomes wait for their entries to be committed."""

    request: int
    reply: ReplyKey
    outcomes: list[Outcome]


class _Closed(NamedTuple):
    """A batch on its way to the disk."""

    number: int
    tree_size: int
    root_hash: bytes
    proofs: Batch
    waiting: list[_Waiting]
    jobs: list[bytes]


class Keeper:
    """One service. Feed it messages of the host with the host's clock (ms); send what it returns."""

    def __init__(
        self,
        *,
        platform: Platform,
        programs: Mapping[str, Program],
        attester: Attester,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._platform = platform
        self._available = programs
        self._attester = attester
        self._snapshot_every = snapshot_every
        self._phase = Phase.BOOTING
        self._state = State()
        self._progress: dict[bytes, tuple[str, float]] = {}
        self._entries: list[link.Entry] = []
        self._bytes = 0
        self._waiting: list[_Waiting] = []
        self._jobs: list[bytes] = []
        self._in_flight: _Closed | None = None
        self._batches = 0
        self._snapshot_size = 0
        self._snapshot_ids = 0
        self._checkpoint = ""
        self._committed = 0
        self._root = b""

    # --- from the host ---

    def receive(self, message: link.ToEnclave, *, now: int) -> list[Output]:
        """Take one message. What does not hold ends the keeper with Halt: it raises nothing."""
        if self._phase is Phase.ENDED:
            return []
        try:
            return self._receive(message, now)
        except TobariError as error:
            return self._halt(error)

    def _halt(self, error: TobariError) -> list[Output]:
        self._phase = Phase.ENDED
        return [link.Halt(code=error.code, message=error.message)]

    def _receive(self, message: link.ToEnclave, now: int) -> list[Output]:
        match self._phase, message:
            case Phase.BOOTING, link.Boot():
                return self._boot(message)
            case Phase.REPLAYING, link.Replay():
                return self._replay(message)
            case Phase.REPLAYING, link.Live():
                return self._go_live(now)
            case ((Phase.LIVE | Phase.STOPPING), link.Appended(batch=number)):
                return self._appended(number)
            case Phase.LIVE, link.Call():
                return self._call(message, now)
            case Phase.LIVE, link.Attest(request=request, nonce=nonce):
                return [self._attest(request, nonce)]
            case Phase.LIVE, link.Stop():
                self._phase = Phase.STOPPING
                return self._flush() or self._stopped_if_idle()
            case Phase.STOPPING, (link.Call(request=request) | link.Attest(request=request)):
                gone = Unavailable("service.stopping", "The service is stopping; try again in a moment.")
                return [_refusal(request, gone)]
        raise Malformed("link.unexpected", "The host sent a message that has no place here.")

    # --- start ---

    def _boot(self, message: link.Boot) -> list[Output]:
        """1. Secrets, new or unsealed. 2. The same genesis. 3. Checkpoint. 4. Snapshot, if the log reaches it."""
        output: list[Output] = []
        configuration = hashlib.sha256(message.genesis).digest()
        genesis = wire.from_cbor(message.genesis, genesis_file.Genesis, max_bytes=genesis_file.MAX_GENESIS)
        if message.sealed is None:
            if message.log_size or message.checkpoint is not None:
                raise Untrusted("service.sealed", "There is a log, but the service's sealed state is missing.")
            service = ServiceSecrets.create(configuration=configuration)
            output.append(link.StoreSealed(sealed=self._platform.seal(service.encode())))
        else:
            service = ServiceSecrets.from_bytes(self._platform.unseal(message.sealed))
        if service.configuration != configuration:
            raise Untrusted("service.configuration", "This is not the genesis file the service was founded with.")
        self._open(service, genesis)
        self._handed_over = message.log_size
        self._seen = self._read_checkpoint(message)
        if message.snapshot is not None:
            self._use_snapshot(message)
        self._phase = Phase.REPLAYING
        return [*output, link.ReplayFrom(first=self._state.size)]

    def _open(self, service: ServiceSecrets, genesis: genesis_file.Genesis) -> None:
        unknown = [name for name in genesis.programs if name not in self._available]
        if unknown:
            raise Malformed("genesis.program", f"This enclave has no program '{unknown[0]}'.")
        self._service = service
        self._key = service.signing_key()
        self._service_id = identity.service_id(self._key.public)
        self._origin = identity.origin(self._service_id)
        self._note_key = NoteKey(name=self._origin, key=self._key.public)
        self._kems = service_keys(service.kem_seeds())
        self._membership = Membership(genesis)
        self._programs = {name: self._available[name] for name in ("service", *genesis.programs)}
        self._log = SealedLog(secret=service.key(Label.LOG), service_id=self._service_id, term=TERM)

    def _read_checkpoint(self, message: link.Boot) -> Checkpoint | None:
        if message.checkpoint is None:
            return None
        seen = open_checkpoint(message.checkpoint, self._note_key)
        if seen.tree_size > message.log_size:
            raise Untrusted("log.truncated", "The log is shorter than a checkpoint this service signed.")
        return seen

    def _use_snapshot(self, message: link.Boot) -> None:
        assert message.snapshot is not None
        try:
            secret = self._service.key(Label.SNAPSHOT)
            dump = snapshot.unseal(message.snapshot, secret=secret, service_id=self._service_id)
            state = State.load(dump)
        except TobariError:
            return  # a snapshot is a shortcut; without it the log is replayed from its beginning
        seen = self._seen
        if seen is None or state.size > seen.tree_size:
            return  # nothing shows that the log reaches it
        if state.size == seen.tree_size and state.frontier.root() != seen.root_hash:
            return
        self._state = state
        self._snapshot_size, self._snapshot_ids = state.size, len(state.once)
        self._log.use_boot(dump.boot, counter=dump.counter)

    def _replay(self, message: link.Replay) -> list[Output]:
        if message.first != self._state.size or self._state.size + len(message.entries) > self._handed_over:
            raise Untrusted("log.gap", "The host did not hand over the log without a gap.")
        for entry in message.entries:
            opened = self._log.read(entry, seq=self._state.size, root=self._state.frontier.root)
            self._state.replay(opened)
            self._check_seen()
        return []

    def _check_seen(self) -> None:
        seen, frontier = self._seen, self._state.frontier
        if seen is not None and seen.tree_size == frontier.size and seen.root_hash != frontier.root():
            raise Untrusted("log.forked", "The log is not the one this service signed a checkpoint of.")

    def _go_live(self, now: int) -> list[Output]:
        if self._state.size != self._handed_over:
            raise Untrusted("log.gap", "The host did not hand over the whole log.")
        self._attester.serve(
            service=self._service_id,
            origin=self._origin,
            identity=self._key.public,
            epoch=self._service.epoch,
            kems={key.public.kem: key.public.raw for key in self._kems.values()},
            programs=list(self._programs),
            configuration=self._service.configuration,
        )
        self._executor = Executor(
            state=self._state,
            log=self._log,
            membership=self._membership,
            programs=self._programs,
            service_id=self._service_id,
            progress=self._progress,
        )
        record = BootRecord(
            boot=self._log.start_boot(),
            tree_size=self._state.size,
            root_hash=self._state.frontier.root(),
            configuration=self._service.configuration,
        )
        entry, opened = self._log.write(
            seq=self._state.size,
            time=advance(self._state.time, now),
            public=record,
            record=SealedRecord(salt=secrets.token_bytes(32), claims=b""),
        )
        self._state.apply(opened)
        self._add(entry)
        for job in self._unfinished():
            self._take(self._executor.begin_anew(job, now=now))
        self._phase = Phase.LIVE
        return self._flush()

    def _unfinished(self) -> list[Job]:
        found = (self._state.store.get(JOBS, job) for job in sorted(self._state.store.keys(RUNNING)))
        return [Job.from_bytes(data) for data in found if data is not None]

    # --- calls ---

    def _attest(self, request: int, nonce: bytes) -> link.Evidence | link.Refusal:
        try:
            return link.Evidence(request=request, evidence=self._attester.evidence(nonce))
        except TobariError as error:
            return _refusal(request, error)

    def _call(self, message: link.Call, now: int) -> list[Output]:
        try:
            if self._bytes > MAX_WAITING:
                raise _busy()
            opened = open_request(self._kems, message.envelope, service_id=self._service_id, epoch=self._service.epoch)
        except TobariError as error:
            return [_refusal(message.request, error)]
        output: list[Output] = []
        outcomes = []
        room = MAX_BODY - len(opened.commands) * OUTCOME_ROOM
        for authenticated in [self._executor.authenticate(signed) for signed in opened.commands]:
            refusal = _full() if room < 0 else _busy() if self._bytes > MAX_WAITING else None
            if refusal is not None:
                outcomes.append(Outcome(status="INVALID", error=_report(refusal)))
                continue
            executed = self._executor.execute(authenticated, now=now)
            outcome = executed.outcome
            if outcome.status == "ANSWERED":
                room -= len(cbor.encode(outcome.value))
                if room < 0:
                    outcome = Outcome(status="INVALID", error=_report(_full()))
            outcomes.append(outcome)
            output += self._take(executed)
        waiting = _Waiting(message.request, opened.reply, outcomes)
        if self._state.size == self._committed:
            return [*output, *self._publish([self._sealed(waiting, None)])]
        self._waiting.append(waiting)
        return [*output, *self._flush()]

    def _take(self, executed: Executed) -> list[Output]:
        if executed.entry is not None:
            self._add(executed.entry)
        self._jobs += executed.started
        return [CancelJob(job) for job in executed.ended]

    def _add(self, entry: link.Entry) -> None:
        self._entries.append(entry)
        self._bytes += len(entry.header) + len(entry.public) + len(entry.sealed)

    # --- jobs ---

    def progress(self, job: bytes, phase: str, fraction: float) -> None:
        """A worker reports where it is."""
        self._progress[job] = (phase, fraction)

    def job_ended(self, job_id: bytes, *, result: Any, error: ErrorReport | None, now: int) -> list[Output]:
        """A worker is done with a job (`error` None), or failed."""
        self._progress.pop(job_id, None)
        data = self._state.store.get(JOBS, job_id)
        if data is None or self._phase is not Phase.LIVE:
            return []  # cut short by a stop: the next boot does it again
        try:
            executed = self._executor.complete(Job.from_bytes(data), result=result, error=error, now=now)
        except TobariError as fault:
            return self._halt(fault)
        return [] if executed is None else [*self._take(executed), *self._flush()]

    # --- batches ---

    def _flush(self) -> list[Output]:
        """Close the collected entries into a batch, unless one is on its way."""
        if self._in_flight is not None or not self._entries:
            return []
        entries, self._entries = self._entries, []
        proofs = self._state.frontier.extend(leaf_hash(entry.header) for entry in entries)
        self._batches += 1
        self._in_flight = _Closed(
            number=self._batches,
            tree_size=proofs.size,
            root_hash=self._state.frontier.root(),
            proofs=proofs,
            waiting=self._waiting,
            jobs=self._jobs,
        )
        self._waiting, self._jobs, self._bytes = [], [], 0
        append = link.Append(batch=self._batches, first=proofs.first, entries=entries)
        # A snapshot takes as long as there are ids in it: spread over as many entries, it costs each of them the same.
        return [append, *self._snapshot_if_due(max(self._snapshot_every, self._snapshot_ids))]

    def _appended(self, number: int) -> list[Output]:
        batch = self._in_flight
        if batch is None or batch.number != number:
            raise Malformed("link.unexpected", "The host acknowledged a batch that is not on its way.")
        self._in_flight = None
        first_of_boot = not self._checkpoint
        self._committed, self._root = batch.tree_size, batch.root_hash
        self._checkpoint = Checkpoint(origin=self._origin, tree_size=batch.tree_size, root_hash=batch.root_hash).sign(
            self._key
        )
        replies = [self._sealed(waiting, batch.proofs) for waiting in batch.waiting]
        if not self._entries:  # calls that came meanwhile and wrote nothing have seen nothing newer
            replies += [self._sealed(waiting, None) for waiting in self._waiting]
            self._waiting = []
        output: list[Output] = [*self._publish(replies)]
        if first_of_boot:
            output.append(link.Ready(origin=self._origin, vkey=self._note_key.vkey, tree_size=batch.tree_size))
        output += self._start_jobs(batch.jobs)
        return [*output, *self._flush(), *self._stopped_if_idle()]

    def _start_jobs(self, jobs: list[bytes]) -> list[Output]:
        found = [Job.from_bytes(data) for job in jobs if (data := self._state.store.get(JOBS, job)) is not None]
        return [StartJob(job) for job in found if job.state is JobState.RUNNING]

    def _publish(self, replies: list[link.Reply]) -> list[link.Publish]:
        """In as many frames as it takes: a reply has at most a mebibyte, a frame much more."""
        cut: list[list[link.Reply]] = [[]]
        size = 0
        for reply in replies:
            if size + len(reply.response) > MAX_PUBLISH:
                cut.append([])
                size = 0
            cut[-1].append(reply)
            size += len(reply.response)
        return [link.Publish(checkpoint=self._checkpoint, replies=part) for part in cut]

    def _sealed(self, waiting: _Waiting, proofs: Batch | None) -> link.Reply:
        outcomes = [_proved(outcome, proofs) for outcome in waiting.outcomes]
        answer = Answer(tree_size=self._committed, root_hash=self._root, outcomes=outcomes)
        return link.Reply(request=waiting.request, response=waiting.reply.seal(wire.to_cbor(answer)))

    # --- snapshots and the end ---

    def _snapshot_if_due(self, every: int) -> list[Output]:
        state = self._state
        if state.size - self._snapshot_size < every or state.size != state.frontier.size:
            return []
        if self._log.boot is None:
            raise Broken("log.no_boot", "The log does not begin with a boot record.")
        self._snapshot_size, self._snapshot_ids = state.size, len(state.once)
        dump = state.dump(boot=self._log.boot, counter=self._log.counter)
        if len(dump) > snapshot.MAX_SNAPSHOT:
            return []
        sealed = snapshot.seal(dump, secret=self._service.key(Label.SNAPSHOT), service_id=self._service_id)
        return [link.StoreSnapshot(tree_size=state.size, snapshot=sealed)]

    def _stopped_if_idle(self) -> list[Output]:
        if self._phase is not Phase.STOPPING or self._in_flight is not None or self._entries:
            return []
        self._phase = Phase.ENDED
        return [*self._snapshot_if_due(1), link.Stopped()]


def _proved(outcome: Outcome, proofs: Batch | None) -> Outcome:
    placement = outcome.placement
    if placement is None or proofs is None or not proofs.first <= placement.index < proofs.size:
        return outcome
    proved = msgspec.structs.replace(placement, proof=proofs.inclusion_proof(placement.index))
    return msgspec.structs.replace(outcome, placement=proved)


def _busy() -> Unavailable:
    return Unavailable("service.busy", "The service is writing as fast as it can; try again in a moment.")


def _full() -> TooLarge:
    return TooLarge("envelope.too_large", "The answers of this envelope are larger than one response; ask for less.")


def _report(error: TobariError) -> ErrorReport:
    return ErrorReport(status=error.status, code=error.code, message=error.message)


def _refusal(request: int, error: TobariError) -> link.Refusal:
    return link.Refusal(request=request, status=error.status, code=error.code, message=error.message)
