"""Room, version 0: owners contribute sealed datasets under signed terms; analysts ask SQL that the terms allow.

A room is the union of the datasets that were contributed to it under its name, all of one schema. There is no agreement
between the owners yet: each dataset's terms name who may ask, and the strictest of all terms holds.
"""

from __future__ import annotations

import enum
import hashlib
import secrets
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tobari.base import cbor, wire
from tobari.base.errors import Conflict, NotFound, Refused, TooLarge
from tobari.base.messages.command import CommandId, ErrorReport
from tobari.base.messages.objects import DatasetId, ObjectRef
from tobari.base.principal import MemberName, Role
from tobari.base.wire import Message
from tobari.crypto.signing import VerifyingKey
from tobari.enclave.runtime import (
    Column,
    Job,
    JobState,
    Program,
    Release,
    Source,
    Transaction,
    Work,
    command,
    completion,
    private_map,
    query,
)
from tobari.ledger.disclosure import commit
from tobari.rules.query.policy import plan
from tobari.rules.query.table import Contribution
from tobari.rules.query.terms import DataTerms, RoomName, verify_terms

MAX_DATASETS = 64
MAX_OBJECTS = 64
MAX_ROOM_OBJECTS = 240
"""Objects of all datasets of a room: what one job can be given."""
MAX_OBJECT_BYTES = 512 << 20
MAX_ROOM_ROWS = 20_000_000
MAX_ROOM_DECODED = 512 << 20
"""Rows and decoded bytes of a room's datasets together: what one worker reads. Counted at contribution, so that no
dataset makes the room's queries fail later."""
MAX_LISTED = 200
"""Datasets or releases in one answer; the newest come first."""
MAX_ROOM_BYTES = 1 << 30
"""Plaintext bytes of all objects of a room; sealed, they lie in the enclave's memory while a job reads them."""
SALT = 32

_CANCELLED = ErrorReport(status=409, code="job.cancelled", message="Cancelled by the member that asked.")
_WITHDRAWN = ErrorReport(status=409, code="room.data_withdrawn", message="An owner withdrew data that this job reads.")
_TOO_MUCH = ErrorReport(
    status=413,
    code="room.too_large",
    message=f"With this dataset the room would have more than {MAX_ROOM_ROWS} rows or {MAX_ROOM_DECODED >> 20} MiB.",
)

Format = Literal["csv", "parquet", "arrow"]
DataKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
ReleaseId = Annotated[bytes, Meta(min_length=32, max_length=32)]
Sql = Annotated[str, Meta(max_length=16384)]


class DatasetState(enum.StrEnum):
    INSPECTING = "inspecting"
    READY = "ready"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Dataset(Message, frozen=True, kw_only=True):
    """A contributed dataset. Its data key is destroyed on withdrawal."""

    id: DatasetId
    owner: MemberName
    terms: DataTerms
    objects: list[ObjectRef]
    format: Format
    data_key: bytes | None
    salt: bytes
    """Opens what the log shows of this dataset; given to the members."""
    state: DatasetState
    rows: int = 0
    entities: int = 0
    decoded_bytes: int = 0
    bad_cells: dict[str, int] = msgspec.field(default_factory=dict)
    error: ErrorReport | None = None
    """Why it was refused; names a column, never a value."""

    def __repr__(self) -> str:
        return f"Dataset({self.id.hex()}, {self.state})"

    def sources(self) -> list[Source]:
        assert self.data_key is not None
        return [
            Source(dataset=self.id, object_index=index, object=ref, format=self.format, data_key=self.data_key)
            for index, ref in enumerate(self.objects)
        ]


class Room(Program):
    """Datasets, questions, releases."""

    datasets = private_map("datasets", bytes, Dataset)
    releases_kept = private_map("releases", bytes, Release)

    # --- owners ---

    @command(authority=Role.OWNER)
    def contribute(
        self,
        tx: Transaction,
        room: RoomName,
        terms: bytes,
        objects: Annotated[list[ObjectRef], Meta(min_length=1, max_length=MAX_OBJECTS)],
        format: Format,  # noqa: A002  (the argument's name on the wire)
        data_key: DataKey,
    ) -> dict[str, Any]:
        """Hand in a dataset under terms the signer signed; returns its id and the job that inspects it."""
        signed = verify_terms(terms, key=VerifyingKey(tx.principal.key))
        if signed.room != room:
            raise Conflict("room.terms_room", "The signed terms are for another room.")
        for name in (*signed.recipients, *(signed.co_owners or ())):
            tx.member(name)
        if signed.expires is not None and signed.expires <= tx.time:
            raise Conflict("room.terms_expired", "The terms have expired already; sign new ones.")
        self._admit(tx, signed, objects)
        dataset = Dataset(
            id=signed.dataset,
            owner=tx.principal.name,
            terms=signed,
            objects=objects,
            format=format,
            data_key=data_key,
            salt=secrets.token_bytes(SALT),
            state=DatasetState.INSPECTING,
        )
        self.datasets(tx)[dataset.id] = dataset
        job = tx.start_job(
            Work(kind="inspect", sources=dataset.sources(), columns=_columns(signed), entity=signed.entity),
            about={"dataset": dataset.id},
        )
        tx.disclose(
            act="contribute",
            dataset=dataset.id,
            terms=commit(signed.digest(), name="terms", salt=dataset.salt),
            objects=[ref.root for ref in objects],
        )
        return {"dataset": dataset.id, "job": job}

    @command(authority=Role.OWNER)
    def withdraw(self, tx: Transaction, dataset: DatasetId) -> None:
        """Stop every new use of a dataset of one's own and drop its data key. What was released stays released."""
        found = self.datasets(tx).get(dataset)
        if found is None or found.owner != tx.principal.name:
            raise NotFound("room.dataset", "You have no such dataset here.")
        if found.state is DatasetState.WITHDRAWN:
            raise Conflict("room.withdrawn", "This dataset is withdrawn already.")
        self.datasets(tx)[dataset] = msgspec.structs.replace(found, state=DatasetState.WITHDRAWN, data_key=None)
        for job in tx.running_jobs():
            if job.work is not None and any(source.dataset == dataset for source in job.work.sources):
                tx.end_job(job, JobState.CANCELLED, error=_WITHDRAWN)
        tx.disclose(act="withdraw", dataset=dataset)

    # --- analysts ---

    @command(authority=Role.ANALYST)
    def run(self, tx: Transaction, room: RoomName, sql: Sql) -> dict[str, Any]:
        """Ask. Returns the release's id, and the job that makes it unless it is there already."""
        datasets = self._ready(tx, room)
        allowed = plan(
            sql,
            room=room,
            contributions=[Contribution(owner=dataset.owner, terms=dataset.terms) for dataset in datasets],
            recipient=tx.principal.name,
            at=tx.time,
        )
        terms = [used.terms for used in allowed.inputs]
        release = _release_id(allowed.query, terms)
        if release in self.releases_kept(tx):
            return {"release": release, "job": None}
        job = tx.start_job(
            Work(
                kind="query",
                sources=[source for dataset in datasets for source in dataset.sources()],
                columns=[Column(name=column.name, type=column.type) for column in allowed.reads],
                sql=allowed.sql,
            ),
            about={
                "release": release,
                "query": allowed.query,
                "datasets": [used.dataset for used in allowed.inputs],
                "terms": terms,
                "recipients": _recipients(datasets),
            },
        )
        return {"release": release, "job": job}

    @command(authority=Role.MEMBER)
    def cancel(self, tx: Transaction, job: CommandId) -> None:
        """Give up a job of one's own."""
        found = tx.job(job)
        if found.by != tx.principal.name:
            raise NotFound("job.unknown", "There is no such job.")
        tx.end_job(found, JobState.CANCELLED, error=_CANCELLED)
        self._settle(tx, found, _CANCELLED)

    @query(authority=Role.MEMBER)
    def job(self, tx: Transaction, job: CommandId) -> dict[str, Any]:
        """State of a job of one's own: running with phase and fraction, or how it ended."""
        found = tx.job(job)
        if found.by != tx.principal.name:
            raise NotFound("job.unknown", "There is no such job.")
        phase, fraction = tx.progress.get(job, ("wait", 0.0))
        running = found.state is JobState.RUNNING
        return {
            "state": found.state,
            "phase": phase if running else None,
            "fraction": fraction if running else 1.0,
            "error": wire.to_builtins(found.error),
        }

    @query(authority=Role.MEMBER)
    def release(self, tx: Transaction, release: ReleaseId) -> dict[str, Any]:
        """A release, for a member that the terms name as recipient."""
        found = self.releases_kept(tx).get(release)
        if found is None or tx.principal.name not in found.recipients:
            raise NotFound("room.release", "There is no such release, or its terms do not name you as recipient.")
        if tx.principal.name != found.by and not self._stands(tx, found):
            raise Refused(
                "room.release_closed", "Data of this release was withdrawn, or its terms expired, before you asked."
            )
        kept: dict[str, Any] = wire.to_builtins(found)
        return kept

    def _stands(self, tx: Transaction, release: Release) -> bool:
        """Whether all its data could still be asked of."""
        datasets = [self.datasets(tx)[dataset] for dataset in release.datasets]
        return all(
            dataset.state is DatasetState.READY and (dataset.terms.expires is None or dataset.terms.expires > tx.time)
            for dataset in datasets
        )

    @query(authority=Role.MEMBER)
    def releases(self, tx: Transaction, room: RoomName) -> list[dict[str, Any]]:
        """The newest releases that the signer may have, and those made of data of its own; what was asked only to
        recipients."""
        mine = {dataset.id for dataset in self._of(tx, room) if dataset.owner == tx.principal.name}
        room_ids = {dataset.id for dataset in self._of(tx, room)}
        listed: list[dict[str, Any]] = [
            {"id": kept.id, "by": kept.by, "time": kept.time, "datasets": kept.datasets}
            | ({"query": kept.query} if tx.principal.name in kept.recipients else {})
            for kept in self.releases_kept(tx).values()
            if room_ids & set(kept.datasets) and (tx.principal.name in kept.recipients or mine & set(kept.datasets))
        ]
        return sorted(listed, key=lambda release: -release["time"])[:MAX_LISTED]

    @query(authority=Role.MEMBER)
    def describe(self, tx: Transaction, room: RoomName) -> list[dict[str, Any]]:
        """Each dataset that is ready or being inspected: owner, state, terms; row counts to its owner alone.

        What was refused or withdrawn is shown to its owner, without terms.
        """
        name = tx.principal.name
        alive = {DatasetState.READY, DatasetState.INSPECTING}
        datasets = self._of(tx, room)
        living = [
            {
                "dataset": dataset.id,
                "owner": dataset.owner,
                "state": dataset.state,
                "terms": wire.to_builtins(dataset.terms),
                "salt": dataset.salt,
                **(_inspection(dataset) if dataset.owner == name else {}),
            }
            for dataset in datasets
            if dataset.state in alive
        ]
        ended = [
            {"dataset": dataset.id, "owner": name, "state": dataset.state, **_inspection(dataset)}
            for dataset in datasets
            if dataset.state not in alive and dataset.owner == name
        ]
        return [*living, *ended[-MAX_LISTED:]]

    # --- what workers bring back ---

    @completion
    def completed(self, tx: Transaction, job: Job, result: dict[str, Any]) -> None:
        """Keep what an inspection counted, or the release that a query made."""
        if "dataset" in job.about:
            self._inspected(tx, job, result)
            return
        about = job.about
        if about["release"] in self.releases_kept(tx):
            return  # two members asked at the same time; the first answer stands
        release = Release(
            id=about["release"],
            by=job.by,
            recipients=about["recipients"],
            datasets=about["datasets"],
            terms=about["terms"],
            query=about["query"],
            result_digest=hashlib.sha256(cbor.encode(result)).digest(),
            result=result,
            salt=secrets.token_bytes(SALT),
            time=tx.time,
            entry=tx.entry,
        )
        self.releases_kept(tx)[release.id] = release
        tx.disclose(
            act="release",
            datasets=release.datasets,
            terms=[commit(digest, name="terms", salt=release.salt) for digest in release.terms],
            query=commit(release.query, name="query", salt=release.salt),
            result=commit(release.result_digest, name="result", salt=release.salt),
        )

    def failed(self, tx: Transaction, job: Job, error: ErrorReport) -> None:
        """A job came to nothing: a dataset that could not be inspected is refused."""
        self._settle(tx, job, error)

    def _inspected(self, tx: Transaction, job: Job, result: dict[str, Any]) -> None:
        dataset = self.datasets(tx)[job.about["dataset"]]
        if dataset.state is not DatasetState.INSPECTING:
            return
        bad = {column.name: count for column, count in zip(_columns(dataset.terms), result["bad_cells"], strict=True)}
        beside = [other for other in self._of(tx, dataset.terms.room) if other.state is DatasetState.READY]
        if (
            sum(other.rows for other in beside) + result["rows"] > MAX_ROOM_ROWS
            or sum(other.decoded_bytes for other in beside) + result["decoded_bytes"] > MAX_ROOM_DECODED
        ):
            self._settle(tx, job, _TOO_MUCH)
            return
        self.datasets(tx)[dataset.id] = msgspec.structs.replace(
            dataset,
            state=DatasetState.READY,
            rows=result["rows"],
            entities=result["entities"],
            decoded_bytes=result["decoded_bytes"],
            bad_cells={name: count for name, count in bad.items() if count},
        )

    def _settle(self, tx: Transaction, job: Job, error: ErrorReport) -> None:
        dataset = self.datasets(tx).get(job.about.get("dataset", b""))
        if dataset is not None and dataset.state is DatasetState.INSPECTING:
            self.datasets(tx)[dataset.id] = msgspec.structs.replace(
                dataset, state=DatasetState.REFUSED, data_key=None, error=error
            )

    # --- what a room is ---

    def _of(self, tx: Transaction, room: str) -> list[Dataset]:
        return [dataset for dataset in self.datasets(tx).values() if dataset.terms.room == room]

    def _ready(self, tx: Transaction, room: str) -> list[Dataset]:
        ready = [dataset for dataset in self._of(tx, room) if dataset.state is DatasetState.READY]
        if not ready:
            raise NotFound("room.empty", "There is no such room, or no dataset in it is ready.")
        return ready

    def _admit(self, tx: Transaction, terms: DataTerms, objects: list[ObjectRef]) -> None:
        """A new dataset id, objects that one job can read, and the schema that the room has."""
        if terms.dataset in self.datasets(tx):
            raise Conflict("room.dataset_exists", "A dataset with this id was contributed before; make a new id.")
        present = [
            dataset
            for dataset in self._of(tx, terms.room)
            if dataset.state in {DatasetState.READY, DatasetState.INSPECTING}
        ]
        if len(present) >= MAX_DATASETS:
            raise Conflict("room.full", f"A room holds at most {MAX_DATASETS} datasets.")
        all_objects = [*objects, *(ref for dataset in present for ref in dataset.objects)]
        if (
            len(all_objects) > MAX_ROOM_OBJECTS
            or sum(ref.size for ref in all_objects) > MAX_ROOM_BYTES
            or max(ref.size for ref in objects) > MAX_OBJECT_BYTES
        ):
            raise TooLarge(
                "room.too_large",
                f"An object has at most {MAX_OBJECT_BYTES >> 20} MiB; a room has at most {MAX_ROOM_OBJECTS} objects of "
                f"{MAX_ROOM_BYTES >> 20} MiB together.",
            )
        for dataset in present:
            if not (_accepts(dataset.terms, tx.principal.name) and _accepts(terms, dataset.owner)):
                raise Refused(
                    "room.co_owner", f"The terms of {dataset.owner} and yours do not both accept the other as co-owner."
                )
            if dataset.terms.entity != terms.entity or _columns(dataset.terms) != _columns(terms):
                raise Conflict(
                    "room.schema",
                    f"Columns, types or entity differ from those of {dataset.owner}'s dataset in the room.",
                )


def _accepts(terms: DataTerms, owner: str) -> bool:
    return terms.co_owners is None or owner in terms.co_owners


def _columns(terms: DataTerms) -> list[Column]:
    """The schema: every column that has a rule, in the order of names."""
    return [Column(name=name, type=rule.type) for name, rule in sorted(terms.columns.items())]


def _recipients(datasets: list[Dataset]) -> list[str]:
    """Those whom the terms of every dataset name."""
    named = [set(dataset.terms.recipients) for dataset in datasets]
    return sorted(set.intersection(*named))


def _release_id(query_digest: bytes, terms: list[bytes]) -> bytes:
    """The same question over the same data is the same release; terms name the dataset they are for."""
    return hashlib.sha256(cbor.encode([query_digest, terms])).digest()


def _inspection(dataset: Dataset) -> dict[str, Any]:
    return {
        "rows": dataset.rows,
        "entities": dataset.entities,
        "bad_cells": dataset.bad_cells,
        "error": wire.to_builtins(dataset.error),
    }
