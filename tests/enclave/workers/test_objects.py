"""Opening sealed objects: what the host may do to them, and what then happens."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec
import pytest

from tests.enclave.workers import sealing
from tobari.base.messages.objects import CHUNK, ObjectRef
from tobari.enclave.runtime.job import Source
from tobari.enclave.workers import memory
from tobari.enclave.workers.failures import JobFailed
from tobari.enclave.workers.objects import open_object
from tobari.ledger.tree import Tree, leaf_hash

DATA = bytes(range(256)) * (CHUNK // 256) + b"second" * (CHUNK // 6) + b"  third"


@pytest.fixture
def descriptor() -> Iterator[int]:
    descriptor = memory.create()
    yield descriptor
    os.close(descriptor)


def open_chunks(source: Source, chunks: list[bytes], descriptor: int, *, max_bytes: int = 1 << 30) -> bytes:
    memory.append(descriptor, b"".join(chunks))
    return open_object(source, descriptor, max_bytes=max_bytes)


def refused(source: Source, chunks: list[bytes], descriptor: int, **named: int) -> str:
    with pytest.raises(JobFailed) as raised:
        open_chunks(source, chunks, descriptor, **named)
    return raised.value.code


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, len(DATA)])
def test_what_was_sealed_opens(size: int, descriptor: int) -> None:
    source, chunks = sealing.seal(DATA[:size], object_index=3)
    assert open_chunks(source, chunks, descriptor) == DATA[:size]


def test_swapped_chunks(descriptor: int) -> None:
    source, (first, second, *rest) = sealing.seal(DATA[: 2 * CHUNK] + DATA[:7])
    assert refused(source, [second, first, *rest], descriptor) == "object.chunk"


def test_replayed_chunk(descriptor: int) -> None:
    source, (first, _, *rest) = sealing.seal(DATA[: 2 * CHUNK] + DATA[:7])
    assert refused(source, [first, first, *rest], descriptor) == "object.chunk"


def test_altered_chunk(descriptor: int) -> None:
    source, (first, *rest) = sealing.seal(DATA)
    assert refused(source, [first[:-1] + bytes([first[-1] ^ 1]), *rest], descriptor) == "object.chunk"


def test_truncated_object(descriptor: int) -> None:
    source, chunks = sealing.seal(DATA)
    assert refused(source, chunks[:-1], descriptor) == "object.root"


def test_truncated_object_with_a_reference_to_match(descriptor: int) -> None:
    source, (first, *_) = sealing.seal(DATA)
    tree = Tree()
    tree.append(leaf_hash(first))
    short = msgspec.structs.replace(source, object=ObjectRef(root=tree.root(), size=CHUNK))
    assert refused(short, [first], descriptor) == "object.chunk"


def test_bytes_too_many(descriptor: int) -> None:
    source, chunks = sealing.seal(DATA)
    assert refused(source, [*chunks, b"x"], descriptor) == "object.root"


@pytest.mark.parametrize("other", [{"dataset": b"d" * 16}, {"object_index": 1}, {"key": b"K" * 32}])
def test_object_of_another_place(other: dict[str, object], descriptor: int) -> None:
    source, _ = sealing.seal(DATA[:7])
    _, chunks = sealing.seal(DATA[:7], **other)
    assert refused(source, chunks, descriptor) == "object.chunk"


def test_chunks_that_open_but_were_not_contributed(descriptor: int) -> None:
    source, _ = sealing.seal(b"one")
    _, chunks = sealing.seal(b"two")
    assert refused(source, chunks, descriptor) == "object.root"


def test_object_beyond_the_limit(descriptor: int) -> None:
    source, chunks = sealing.seal(b"eleven bytes"[:11])
    assert refused(source, chunks, descriptor, max_bytes=10) == "dataset.size"
