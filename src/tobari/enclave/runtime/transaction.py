"""One command's view of the world: who asks, when, what it may read, and what it changes.

A transaction holds no keys and does no I/O; it is message-shaped, so that programs can move out of process later.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from tobari.base import cbor
from tobari.base.errors import Conflict, Limited, NotFound, TooLarge
from tobari.base.logtime import LogTime
from tobari.base.messages.command import ErrorReport, Outcome
from tobari.base.principal import Principal
from tobari.enclave.runtime.job import Job, JobState, Work
from tobari.enclave.runtime.kv import Overlay

MAX_WRITES = 4096
_EMPTY = cbor.encode(None)
MAX_WRITTEN = 2 << 20
"""Bytes of keys and values one transaction may write."""
JOBS = "service.jobs"
RUNNING = "service.running"
"""Ids of the jobs that are not over."""
MAX_RUNNING = 64
MAX_RUNNING_EACH = 8
"""Unfinished jobs of one member."""


class Transaction:
    """Given to a command or query; what it writes is kept only if the handler returns."""

    def __init__(
        self,
        *,
        overlay: Overlay,
        principal: Principal,
        members: Mapping[str, Principal],
        time: LogTime,
        program: str,
        outcome_of: Callable[[bytes], Outcome],
        progress: Mapping[bytes, tuple[str, float]],
        entry: int,
    ) -> None:
        self.overlay = overlay
        self.principal = principal
        self.members = members
        """Every member, by name."""
        self.time = time
        self.program = program
        self.entry = entry
        """Index of the log entry that this transaction becomes, if it writes."""
        self.progress = progress
        """What running jobs report: phase and fraction, by job id. Not durable."""
        self.outcome_of = outcome_of
        """What became of an earlier command of the same signer, by its id."""
        self.disclosed: dict[str, Any] = {}
        self.started_jobs: list[bytes] = []
        self.ended_jobs: list[bytes] = []
        self._count = 0
        self._written = 0

    def put(self, table: str, key: bytes, value: bytes | None) -> None:
        """Change one key; None deletes.

        Raises:
            TooLarge: `transaction.too_large`.
        """
        self._count += 1
        self._written += len(key) + len(value or b"")
        if self._count > MAX_WRITES or self._written > MAX_WRITTEN:
            raise TooLarge("transaction.too_large", "One command changes too much at once; split it.")
        self.overlay.put(table, key, value)

    def disclose(self, **public: Any) -> None:
        """Name something in the open part of the log entry. Digests and public ids only: anyone reads it."""
        self.disclosed.update(public)

    def member(self, name: str) -> Principal:
        """
        Raises:
            NotFound: `member.unknown`.
        """
        try:
            return self.members[name]
        except KeyError:
            raise NotFound("member.unknown", "No member of this consortium has that name.") from None

    # --- jobs: work too long for a transaction ---

    def start_job(self, work: Work, *, about: dict[str, Any]) -> bytes:
        """Have `work` done by a jailed worker once this command is committed; returns the job's id (16 bytes).

        Raises:
            Limited: `job.too_many`.
        """
        running = self.running_jobs()
        if len(running) >= MAX_RUNNING or sum(job.by == self.principal.name for job in running) >= MAX_RUNNING_EACH:
            raise Limited("job.too_many", "Too many computations are unfinished; wait for some, or cancel them.")
        # Random, and not the command's id: an id that its member uses again must not meet a worker that still runs.
        job_id = secrets.token_bytes(16)
        self._save(
            Job(
                id=job_id,
                program=self.program,
                by=self.principal.name,
                state=JobState.RUNNING,
                about=about,
                work=work,
                started=self.time,
            )
        )
        self.put(RUNNING, job_id, _EMPTY)
        self.started_jobs.append(job_id)
        return job_id

    def job(self, job_id: bytes) -> Job:
        """
        Raises:
            NotFound: `job.unknown`, also for another program's jobs.
        """
        data = self.overlay.get(JOBS, job_id)
        job = None if data is None else Job.from_bytes(data)
        if job is None or job.program != self.program:
            raise NotFound("job.unknown", "There is no such job.")
        return job

    def running_jobs(self) -> list[Job]:
        """Every job of this program that is not over."""
        jobs = [Job.from_bytes(data) for key in self.overlay.keys(RUNNING) if (data := self.overlay.get(JOBS, key))]
        return [job for job in jobs if job.program == self.program]

    def count_attempt(self, job: Job) -> None:
        """The job is begun once more."""
        self._save(job.again())

    def end_job(self, job: Job, state: JobState, *, error: ErrorReport | None = None) -> Job:
        """
        Raises:
            Conflict: `job.ended`, if it is over already.
        """
        if job.state is not JobState.RUNNING:
            raise Conflict("job.ended", "This job is over.")
        ended = job.ended(state, time=self.time, error=error)
        self._save(ended)
        self.put(RUNNING, job.id, None)
        self.ended_jobs.append(job.id)
        return ended

    def _save(self, job: Job) -> None:
        self.put(JOBS, job.id, job.encode())
