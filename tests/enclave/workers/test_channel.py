"""Messages with descriptors between keeper and server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tobari.base.errors import TobariError
from tobari.enclave.workers import memory
from tobari.enclave.workers.channel import Channel
from tobari.enclave.workers.job import MAX_OBJECTS
from tobari.enclave.workers.report import Cancel, Start, ToServer

START = Start(job=1, seconds=1, memory=1, result_bytes=1)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = (Channel(end) for end in Channel.pair())
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_message_brings_its_descriptors(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    before = len(os.listdir("/proc/self/fd"))
    sent = [memory.holding(b"%d" % number) for number in range(MAX_OBJECTS + 2)]
    ours.send(START, sent)
    message, received = theirs.receive(ToServer)
    assert message == START
    assert [memory.content(descriptor, max_bytes=9) for descriptor in received] == [
        b"%d" % number for number in range(MAX_OBJECTS + 2)
    ]
    assert not any(os.get_inheritable(descriptor) for descriptor in received)
    assert len(os.listdir("/proc/self/fd")) == before + len(received)  # those that were sent are closed
    for descriptor in received:
        os.close(descriptor)


def test_what_the_kernel_does_not_take_waits_in_order(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    assert theirs.receive(ToServer) is None
    total = 0
    while not ours.is_waiting:
        ours.send(Cancel(job=total))
        total += 1
    jobs = []
    while len(jobs) < total:
        while (received := theirs.receive(ToServer)) is not None:
            jobs.append(received[0].job)
        ours.flush()
    assert jobs == list(range(total))


def test_the_other_end_is_gone(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    theirs.close()
    with pytest.raises(EOFError):
        ours.receive(ToServer)
    with pytest.raises(BrokenPipeError):
        ours.send(START)


def test_what_is_no_message_is_refused(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    ours._socket.send(b"\xff")
    with pytest.raises(TobariError):
        theirs.receive(ToServer)
    ours._socket.send(bytes(5000))
    with pytest.raises(TobariError, match=r"worker\.channel"):
        theirs.receive(ToServer)
