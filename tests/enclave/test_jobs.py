"""The job runner between host and workers: what it asks for, what it accepts, what it hands on."""

import os

import pytest

from tobari.base.errors import Limited
from tobari.base.messages import link
from tobari.base.messages.objects import CHUNK, SEALED_CHUNK, ObjectRef
from tobari.enclave.jobs import JobRunner
from tobari.enclave.runtime.job import Job, JobState, Source, Work
from tobari.enclave.workers.failures import to_error
from tobari.enclave.workers.job import Limits, Rows
from tobari.enclave.workers.server import Done, Failed, Progress


class Workers:
    """A worker server in memory: keeps what it was given, says what the test wants."""

    def __init__(self):
        self.submitted = {}
        self.cancelled = []
        self.pending = []
        self.full = False
        self.is_alive = True

    def fileno(self):
        return 0

    def submit(self, work, objects, *, limits):
        if self.full:
            raise Limited("worker.busy", "Too many.")
        number = len(self.submitted) + 1
        self.submitted[number] = [os.pread(descriptor, 1 << 30, 0) for descriptor in objects]
        for descriptor in objects:
            os.close(descriptor)
        return number

    def cancel(self, number):
        self.cancelled.append(number)

    def events(self):
        events, self.pending = self.pending, []
        return events


def job(number, *sizes):
    sources = [
        Source(
            dataset=bytes(16),
            object_index=index,
            object=ObjectRef(root=bytes([number, index]) * 16, size=size),
            format="csv",
            data_key=bytes(32),
        )
        for index, size in enumerate(sizes)
    ]
    work = Work(kind="inspect", sources=sources, columns=[])
    return Job(
        id=bytes([number]) * 16, program="room", by="north", state=JobState.RUNNING, about={}, work=work, started=0
    )


@pytest.fixture
def workers():
    return Workers()


@pytest.fixture
def runner(workers):
    return JobRunner(workers=workers, limits=Limits())


def part(fetch, index, size):
    return link.ObjectPart(fetch=fetch, index=index, data=bytes([index]) * size)


def test_objects_are_fetched_one_after_the_other_and_handed_over_whole(runner, workers):
    (ask,) = runner.start(job(1, CHUNK + 5, 3))
    assert (ask.first, ask.count) == (0, 2)
    assert runner.receive(part(ask.fetch, 0, SEALED_CHUNK)) == []
    (second,) = runner.receive(part(ask.fetch, 1, 21))
    assert second.root == bytes([1, 1]) * 16
    assert runner.receive(part(second.fetch, 0, 19)) == []
    assert [len(content) for content in workers.submitted[1]] == [SEALED_CHUNK + 21, 19]
    fractions = [event.progress[1] for event in runner.events()]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda fetch: part(fetch, 1, 21),
        lambda fetch: part(fetch, 0, 20),
        lambda fetch: part(fetch, 0, 22),
        lambda fetch: part(fetch, 0, SEALED_CHUNK),
    ],
    ids=["out of order", "too short", "too long", "far too long"],
)
def test_a_chunk_that_does_not_fit_fails_the_job(runner, workers, wrong):
    (ask,) = runner.start(job(1, 5))
    assert runner.receive(wrong(ask.fetch)) == []
    assert [event.error.code for event in runner.events()] == ["object.root"]
    assert workers.submitted == {}


def test_a_missing_object_fails_the_job_and_the_next_begins(runner):
    (ask,) = runner.start(job(1, 5))
    assert runner.start(job(2, 5)) == []
    (following,) = runner.receive(link.ObjectMissing(fetch=ask.fetch))
    assert following.root == bytes([2, 0]) * 16
    assert [(event.job[0], event.error.code) for event in runner.events()] == [(1, "object.missing")]


def test_chunks_of_a_job_given_up_are_dropped(runner, workers):
    (ask,) = runner.start(job(1, 5))
    runner.start(job(2, 5))
    (following,) = runner.cancel(bytes([1]) * 16)
    assert runner.receive(part(ask.fetch, 0, 21)) == []
    runner.receive(part(following.fetch, 0, 21))
    assert len(workers.submitted) == 1
    runner.cancel(bytes([2]) * 16)
    assert workers.cancelled == [1]
    workers.pending = [Done(1, Rows(columns=[], types=[], rows=[]))]
    assert all(event.result is None for event in runner.events())


def test_a_job_given_up_while_it_waits_is_never_fetched(runner):
    (ask,) = runner.start(job(1, 5))
    runner.start(job(2, 5))
    assert runner.cancel(bytes([2]) * 16) == []
    assert runner.receive(part(ask.fetch, 0, 21)) == []


def test_what_the_worker_says_comes_with_the_jobs_name(runner, workers):
    for number in (1, 2):
        (ask,) = runner.start(job(number, 5))
        runner.receive(part(ask.fetch, 0, 21))
    runner.events()
    workers.pending = [
        Progress(1, "parse", 0.5),
        Done(1, Rows(columns=["n"], types=["integer"], rows=[[3]])),
        Failed(2, to_error("worker.timeout")),
    ]
    progress, done, failed = runner.events()
    assert (progress.job[0], progress.progress) == (1, ("parse", 0.5))
    assert (done.job[0], done.result["rows"]) == (1, [[3]])
    assert (failed.job[0], failed.error.code) == (2, "worker.timeout")


def test_a_full_server_fails_the_job_and_keeps_no_file_open(runner, workers):
    before = len(os.listdir("/proc/self/fd"))
    workers.full = True
    (ask,) = runner.start(job(1, 5))
    runner.receive(part(ask.fetch, 0, 21))
    assert [event.error.code for event in runner.events() if event.error] == ["worker.busy"]
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_is_fetched_for_which_there_is_no_worker(runner, workers):
    for number in (1, 2):
        (ask,) = runner.start(job(number, 5))
        runner.receive(part(ask.fetch, 0, 21))
    assert runner.start(job(3, 5)) == []
    workers.pending = [Done(1, Rows(columns=[], types=[], rows=[]))]
    runner.events()
    (ask,) = runner.proceed()
    assert ask.root == bytes([3, 0]) * 16
