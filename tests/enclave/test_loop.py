"""tobari.enclave.loop: what the rim decides by itself, which is little."""

from __future__ import annotations

from typing import Any

from tobari.base.messages import link
from tobari.base.messages.command import ErrorReport
from tobari.enclave import loop
from tobari.enclave.jobs import JobEvent

DIED = JobEvent(b"job", error=ErrorReport(status=500, code="worker.died", message="It died."))


class Jobs:
    def __init__(self, *, alive: bool) -> None:
        self.is_alive = alive

    def events(self) -> list[JobEvent]:
        return [DIED]

    def proceed(self) -> list[link.ToHost]:
        return []


class Keeper:
    def __init__(self) -> None:
        self.ended: list[bytes] = []

    def job_ended(self, job: bytes, **_: Any) -> list[link.ToHost]:
        self.ended.append(job)
        return []


def events(*, alive: bool) -> tuple[list[Any], list[bytes]]:
    keeper = Keeper()
    return loop._worker_events(Jobs(alive=alive), keeper), keeper.ended  # type: ignore[arg-type]


def test_a_job_whose_worker_died_has_failed() -> None:
    assert events(alive=True) == ([], [b"job"])


def test_jobs_do_not_fail_because_the_worker_server_is_gone() -> None:
    output, ended = events(alive=False)
    assert [type(message) for message in output] == [link.Halt]
    assert output[0].code == "worker.gone"
    assert ended == []
