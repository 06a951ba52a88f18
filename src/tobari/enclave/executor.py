"""From a signed command to what it does: authenticate, refuse replays, authorise, run, write the entry.

1. The bytes are a COSE_Sign1 whose signer is a member.
2. The signature holds under the command label.
3. The command is addressed to this service.
4. Its id was not used before; by the log's own time it is not past.
From here on the id is spent, whatever happens: a refusal is an entry too, so that nobody can repeat a refused
command when it would succeed.
5. By the host's clock its time has not passed, and is not too far ahead.
6. Program, command and arguments exist and fit; the signer has the role.
7. It runs; a failure rolls back wholly.

The host's clock alone refuses nothing for good: a refusal by it is written down, and with it the log time, so that the
clock cannot be turned back to carry the command out after all.
"""

from __future__ import annotations

import hashlib
import secrets
import sys
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from tobari.base import cbor, cose, wire
from tobari.base.errors import Broken, Conflict, NotFound, Refused, TobariError, Unauthorized
from tobari.base.logtime import LogTime, advance
from tobari.base.messages.command import (
    MAX_ENVELOPE,
    MAX_LIFETIME,
    Command,
    CommandClaims,
    ErrorReport,
    Outcome,
)
from tobari.base.messages.link import Entry
from tobari.base.principal import Principal
from tobari.crypto.labels import Label
from tobari.crypto.signing import verify1
from tobari.enclave.membership import Membership
from tobari.enclave.runtime.job import Job, JobState
from tobari.enclave.runtime.kv import Overlay, Write
from tobari.enclave.runtime.program import Handler, Program
from tobari.enclave.runtime.transaction import Transaction
from tobari.enclave.sealed_log import OpenedEntry, PublicRecord, SealedLog, SealedRecord
from tobari.enclave.state import State, placement_of

SALT = 32
MAX_OUTCOME = 2048
"""Bytes of a command's value, so that the outcomes of a full envelope fit its answer; queries may give more."""
MAX_MESSAGE = 400
"""Characters of an error's text."""
MAX_ATTEMPTS = 3
"""Boots that may begin a job anew: one that takes the enclave down with it is given up."""


class Executed(NamedTuple):
    """What one command came to. `entry` is None for queries and for what was refused before step 5."""

    outcome: Outcome
    entry: Entry | None = None
    started: tuple[bytes, ...] = ()
    """Jobs to start once the entry is committed."""
    ended: tuple[bytes, ...] = ()


class Authenticated(NamedTuple):
    """What a member has signed as a command."""

    signed: bytes
    principal: Principal
    payload: bytes


class Executor:
    """Runs programs against the state. No I/O: entries are returned, and applied to the state."""

    def __init__(
        self,
        *,
        state: State,
        log: SealedLog,
        membership: Membership,
        programs: Mapping[str, Program],
        service_id: bytes,
        progress: Mapping[bytes, tuple[str, float]],
    ) -> None:
        self._state = state
        self._log = log
        self._membership = membership
        self._programs = programs
        self._service_id = service_id
        self._progress = progress

    # --- commands and queries of members ---

    def authenticate(self, signed: bytes) -> Authenticated | TobariError:
        """Steps 1 and 2, on which no other command has any influence. A refusal is returned: the others go on.

        All commands of an envelope go through here before the first of them runs. What verifies signatures and what
        runs programs push each other out of the processor's caches, and changing over for each costs 10 µs a command.
        """
        try:
            parsed = cose.parse(signed, max_bytes=MAX_ENVELOPE)
            member = self._membership.by_thumbprint(parsed.kid)
            if member is None:
                raise Unauthorized("command.foreign_key", "No member of this consortium has the key that signed this.")
            payload = verify1(parsed, member.key, label=Label.COMMAND, max_bytes=MAX_ENVELOPE)
        except TobariError as error:
            return error
        return Authenticated(signed, member.principal, payload)

    def execute(self, authenticated: Authenticated | TobariError, *, now: int) -> Executed:
        """Run one command at host clock `now`. Never raises: a refusal is an outcome."""
        if isinstance(authenticated, TobariError):
            return Executed(Outcome(status="INVALID", error=_report(authenticated)))
        signed, principal, payload = authenticated
        time = advance(self._state.time, now)
        try:
            command = wire.from_cbor(payload, Command, max_bytes=MAX_ENVELOPE)
            self._admit(principal, command)
        except TobariError as error:
            return Executed(Outcome(status="INVALID", error=_report(error)))
        tx = self._transaction(principal, program=command.program, time=time)
        try:
            handler = self._handler(command, time=time)
            handler.authorise(principal)
            value = wire.to_builtins(handler.call(tx, **handler.parse(command.args)))
            if not handler.writes:
                return self._answer(tx, value)
            encoded = cbor.encode(value)
            if len(encoded) > MAX_OUTCOME:
                raise Broken("program.outcome", "A command of this program returns more than a command may.")
            report = None
        # Whatever a program raises, its command failed: nothing of it may stay, and the others go on.
        except Exception as error:  # noqa: BLE001
            report = _report(error)
            tx = self._transaction(principal, program=command.program, time=time)
            encoded = wire.to_cbor(report)
            if self._is_query(command):
                return Executed(Outcome(status="INVALID", error=report))
            value = None
        record = _record(signed, principal, command, outcome=encoded, committed=report is None)
        entry, opened = self._write(tx, record)
        outcome = Outcome(status=record.status, value=value, error=report, placement=placement_of(opened))
        return Executed(outcome, entry, tuple(tx.started_jobs), tuple(tx.ended_jobs))

    def _admit(self, principal: Principal, command: Command) -> None:
        """Steps 3 and 4: what the log alone decides, and need not be written down."""
        if command.audience != self._service_id:
            raise Refused("command.audience", "This command is addressed to another service.")
        if self._state.once.find(principal.thumbprint + command.id) is not None:
            raise Conflict("command.replayed", "This command was sent before; ask for its status instead.")
        if command.expires < self._state.once.horizon:
            raise Refused(
                "command.forgotten",
                "The command's time passed so long ago that the service no longer knows whether it was carried out.",
            )
        if command.expires < self._state.time:
            raise _expired()

    def _handler(self, command: Command, *, time: LogTime) -> Handler:
        if command.expires < time:
            raise _expired()
        if command.expires > time + MAX_LIFETIME:
            raise Refused(
                "command.lifetime", f"A command expires at most {MAX_LIFETIME // 1000} s ahead; check your clock."
            )
        program = self._programs.get(command.program)
        if program is None:
            raise NotFound("program.unknown", "This service does not run that program.")
        return program.handler(command.command)

    def _is_query(self, command: Command) -> bool:
        program = self._programs.get(command.program)
        handler = program and program.handlers.get(command.command)
        return bool(handler and not handler.writes)

    def _transaction(self, principal: Principal, *, program: str, time: LogTime) -> Transaction:
        return Transaction(
            overlay=Overlay(self._state.store),
            principal=principal,
            members=self._membership.principals,
            time=time,
            program=program,
            outcome_of=lambda command_id: self._state.outcome_of(principal.thumbprint, command_id),
            progress=self._progress,
            entry=self._state.size,
        )

    @staticmethod
    def _answer(tx: Transaction, value: Any) -> Executed:
        if tx.overlay.writes():
            raise Broken("program.query_writes", "A query of this program tries to write.")
        return Executed(Outcome(status="ANSWERED", value=value))

    # --- the service's own entries ---

    def complete(self, job: Job, *, result: Any, error: ErrorReport | None, now: int) -> Executed | None:
        """A worker is done (`error` None) or failed. None if the job was over already."""
        time = advance(self._state.time, now)
        tx = self._system_transaction(job, time)
        if tx.job(job.id).state is not JobState.RUNNING:
            return None
        try:
            if error is None:
                self._programs[job.program].complete(tx, job, result)
                tx.end_job(job, JobState.DONE)
        # A result that the program cannot take is a failed job, not a failed service.
        except Exception as fault:  # noqa: BLE001
            error = _report(fault)
        if error is not None:
            tx = self._system_transaction(job, time)
            self._programs[job.program].failed(tx, job, error)
            tx.end_job(job, JobState.FAILED, error=error)
        record = SealedRecord(salt=secrets.token_bytes(SALT), claims=cbor.encode({"job": job.id}))
        entry, opened = self._write(tx, record)
        return Executed(Outcome(status="COMMITTED", placement=placement_of(opened)), entry)

    def begin_anew(self, job: Job, *, now: int) -> Executed:
        """A boot found this job unfinished: count the attempt, or give the job up."""
        time = advance(self._state.time, now)
        tx = self._system_transaction(job, time)
        if job.attempts < MAX_ATTEMPTS:
            tx.count_attempt(job)
            started: tuple[bytes, ...] = (job.id,)
        else:
            error = Broken("job.given_up", "The job was begun several times and the service never finished it.")
            self._programs[job.program].failed(tx, job, _report(error))
            tx.end_job(job, JobState.FAILED, error=_report(error))
            started = ()
        record = SealedRecord(salt=secrets.token_bytes(SALT), claims=cbor.encode({"job": job.id}))
        entry, opened = self._write(tx, record)
        return Executed(Outcome(status="COMMITTED", placement=placement_of(opened)), entry, started)

    def _system_transaction(self, job: Job, time: LogTime) -> Transaction:
        principal = self._membership.principals[job.by]
        return self._transaction(principal, program=job.program, time=time)

    def _write(self, tx: Transaction, record: SealedRecord) -> tuple[Entry, OpenedEntry]:
        program = self._programs.get(tx.program)
        public: list[Write] = []
        private: list[Write] = []
        for write in tx.overlay.writes():
            (public if program and program.is_public(write.table) else private).append(write)
        shown = None
        if public or tx.disclosed:
            shown = PublicRecord(program=tx.program, writes=list(public), disclosed=tx.disclosed)
        entry, opened = self._log.write(
            seq=self._state.size, time=tx.time, public=shown, record=record.with_writes(private)
        )
        self._state.apply(opened)
        self._state.once.forget(now=self._state.time)
        return entry, opened


def _record(signed: bytes, principal: Principal, command: Command, *, outcome: bytes, committed: bool) -> SealedRecord:
    """What the log keeps of a command, before its writes. From here on its id is spent."""
    status: Literal["COMMITTED", "INVALID"] = "COMMITTED" if committed else "INVALID"
    claims = CommandClaims(
        command=hashlib.sha256(signed).digest(), status=status, value=hashlib.sha256(outcome).digest()
    )
    return SealedRecord(
        salt=secrets.token_bytes(SALT),
        claims=wire.to_cbor(claims),
        by=principal.thumbprint,
        id=command.id,
        expires=command.expires,
        status=status,
        outcome=outcome,
    )


def _expired() -> Refused:
    return Refused("command.expired", "The command's time has passed; check your clock and send a new one.")


def _report(error: Exception) -> ErrorReport:
    if isinstance(error, TobariError):
        return ErrorReport(status=error.status, code=error.code, message=error.message[:MAX_MESSAGE])
    # The text of an unforeseen error may carry data; its kind and place do not.
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_qualname}:{frame.tb_lineno}" if frame else "?"
    print(f"program.failed {type(error).__name__} at {place}", file=sys.stderr)
    return ErrorReport(status=500, code="program.failed", message="The program failed; nothing of it was kept.")
