"""Objects: sealed in two passes to the same bytes, and opened only where they belong."""

from __future__ import annotations

import io
import pathlib

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.service import MemoryService, problem
from tobari.base.errors import Conflict, TobariError, Unavailable, Untrusted
from tobari.base.messages.objects import CHUNK, SEALED_CHUNK, TAG, ObjectRef
from tobari.client import objects
from tobari.client.objects import DataKey, Opener, seal
from tobari.ledger.tree import Tree, leaf_hash

KEY = DataKey(dataset=b"d" * 16, secret=b"k" * 32)
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5]


def data_of(size: int) -> bytes:
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


def opened(sealed: bytes, ref: ObjectRef, *, key: DataKey = KEY, object_index: int = 0, step: int = 1 << 30) -> bytes:
    opener = Opener(ref, key, object_index=object_index)
    plain = b"".join(opener.feed(sealed[at : at + step]) for at in range(0, len(sealed), step))
    return plain + opener.finish()


@pytest.mark.parametrize("size", SIZES)
def test_an_object_opens_to_what_was_sealed(size):
    sealed = seal(data_of(size), KEY, object_index=0)
    chunks = list(sealed.chunks())
    assert sealed.ref.size == size
    assert len(chunks) == sealed.ref.chunks
    assert sum(map(len, chunks)) == sealed.ref.sealed_size
    tree = Tree()
    tree.extend(map(leaf_hash, chunks))
    assert tree.root() == sealed.ref.root
    assert opened(b"".join(chunks), sealed.ref, step=70_001) == data_of(size)


def test_a_file_is_sealed_like_its_bytes(tmp_path: pathlib.Path):
    path = tmp_path / "data"
    path.write_bytes(data_of(CHUNK + 9))
    assert seal(path, KEY, object_index=3).ref == seal(data_of(CHUNK + 9), KEY, object_index=3).ref


def test_progress_reaches_the_end():
    seen = []
    seal(data_of(2 * CHUNK + 5), KEY, object_index=0, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(CHUNK, 2 * CHUNK + 5), (2 * CHUNK, 2 * CHUNK + 5), (2 * CHUNK + 5, 2 * CHUNK + 5)]


def test_data_that_changes_is_not_sealed_under_the_same_nonces(tmp_path: pathlib.Path):
    path = tmp_path / "data"
    path.write_bytes(data_of(CHUNK + 9))
    sealed = seal(path, KEY, object_index=0)
    path.write_bytes(data_of(CHUNK) + b"different")
    chunks = sealed.chunks()
    next(chunks)
    with pytest.raises(Conflict) as caught:
        next(chunks)
    assert caught.value.code == "object.changed"


@pytest.mark.parametrize("size", [0, CHUNK + 8, CHUNK + 10, 3 * CHUNK])
def test_data_that_grows_or_shrinks_between_the_passes(tmp_path: pathlib.Path, size):
    path = tmp_path / "data"
    path.write_bytes(data_of(CHUNK + 9))
    sealed = seal(path, KEY, object_index=0)
    path.write_bytes(data_of(size))
    with pytest.raises(Conflict):
        list(sealed.chunks())


def test_data_that_grows_while_it_is_read(monkeypatch):
    monkeypatch.setattr(objects, "_size", lambda _: 5)
    for size in (4, 6, 3 * CHUNK):
        with pytest.raises(Conflict):
            seal(data_of(size), KEY, object_index=0)


def test_the_secret_is_not_shown():
    assert "6b6b" not in repr(KEY)
    assert "kkkk" not in repr(KEY)
    assert "kkkk" not in repr(seal(b"x", KEY, object_index=0).key)


CHUNKS = list(seal(data_of(2 * CHUNK + 5), KEY, object_index=0).chunks())
REF = seal(data_of(2 * CHUNK + 5), KEY, object_index=0).ref
OTHER = list(seal(data_of(2 * CHUNK + 5), KEY, object_index=1).chunks())


@pytest.mark.parametrize(
    ("chunks", "code"),
    [
        ([CHUNKS[1], CHUNKS[0], CHUNKS[2]], "object.chunk"),
        ([CHUNKS[0], CHUNKS[0], CHUNKS[2]], "object.chunk"),
        ([CHUNKS[0], OTHER[1], CHUNKS[2]], "object.chunk"),
        ([CHUNKS[0], CHUNKS[1], CHUNKS[2][:-1]], "object.chunk"),
        ([CHUNKS[0], CHUNKS[1], CHUNKS[2][: TAG - 1]], "object.chunk"),
        ([CHUNKS[0], CHUNKS[1]], "object.root"),
        ([], "object.root"),
        ([*CHUNKS[:2], CHUNKS[2] + b"\0"], "object.chunk"),
        ([CHUNKS[0], CHUNKS[1], CHUNKS[1], CHUNKS[2]], "object.chunk"),
    ],
    ids=["swapped", "replayed", "of-another-object", "cut", "cut-to-less-than-a-tag", "last-dropped", "nothing",
         "one-byte-more", "one-chunk-more"],
)  # fmt: skip
def test_what_is_not_the_object(chunks, code):
    with pytest.raises(TobariError) as caught:
        opened(b"".join(chunks), REF)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("key", "object_index"),
    [
        (DataKey(dataset=b"e" * 16, secret=KEY.secret), 0),
        (DataKey(dataset=KEY.dataset, secret=b"l" * 32), 0),
        (KEY, 1),
    ],
)
def test_an_object_opens_at_its_place_alone(key, object_index):
    with pytest.raises(TobariError) as caught:
        opened(b"".join(CHUNKS), REF, key=key, object_index=object_index)
    assert caught.value.code == "object.chunk"


@given(data=st.binary(max_size=3 * SEALED_CHUNK // 1000), size=st.integers(0, 3 * CHUNK))
@settings(max_examples=50, deadline=None)
def test_whatever_the_host_sends_is_refused(data, size):
    ref = ObjectRef(root=bytes(32), size=size)
    with pytest.raises(TobariError):
        opened(data, ref)


# --- over HTTP ---


def test_an_object_goes_to_the_host_and_comes_back(session, service: MemoryService):
    key = DataKey.generate()
    sealed = seal(data_of(CHUNK + 9), key, object_index=0)
    steps = []
    session.upload(sealed, progress=lambda done, of: steps.append((done, of)))
    assert steps == [(SEALED_CHUNK, sealed.ref.sealed_size), (sealed.ref.sealed_size, sealed.ref.sealed_size)]
    (put,) = [request for request in service.requests if request.method == "PUT"]
    assert put.headers["content-length"] == str(sealed.ref.sealed_size)
    assert "transfer-encoding" not in put.headers
    assert data_of(64) not in service.disk.objects[sealed.ref.root.hex()]
    got = io.BytesIO()
    session.download(sealed.ref, key, object_index=0, write=got.write)
    assert got.getvalue() == data_of(CHUNK + 9)


def test_an_object_that_is_there_is_not_sent_again(session, service):
    sealed = seal(b"data", KEY, object_index=0)
    session.upload(sealed)
    session.upload(sealed)
    assert [request.method for request in service.requests if "/objects/" in request.url.path] == [
        "HEAD",
        "PUT",
        "HEAD",
    ]


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (lambda data: None, "object.not_found"),
        (lambda data: data[:-1], "object.chunk"),
        (lambda data: data + b"\0", "client.response_too_large"),
        (lambda data: b"", "object.root"),
        (lambda data: data[SEALED_CHUNK:] + data[:SEALED_CHUNK], "object.chunk"),
    ],
    ids=["gone", "cut", "longer", "empty", "swapped"],
)
def test_what_the_host_does_to_an_object(session, service, tamper, code):
    sealed = seal(data_of(2 * CHUNK), KEY, object_index=0)
    session.upload(sealed)
    name = sealed.ref.root.hex()
    service.disk.objects[name] = tamper(service.disk.objects[name])
    with pytest.raises(TobariError) as caught:
        session.download(sealed.ref, KEY, object_index=0, write=lambda _: None)
    assert caught.value.code == code


def test_an_upload_of_changed_data_stops_before_it_leaves(session, service, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"first")
    sealed = seal(path, KEY, object_index=0)
    path.write_bytes(b"other")
    with pytest.raises(Conflict):
        session.upload(sealed)
    assert service.disk.objects == {}


BIG = data_of(5 * CHUNK + 7)


def puts(service: MemoryService) -> list[int]:
    """Where each upload began."""
    return [int(request.headers.get("upload-offset", 0)) for request in service.requests if request.method == "PUT"]


def test_an_upload_that_is_cut_off_goes_on_where_the_host_is(session, service):
    sealed = seal(BIG, KEY, object_index=0)
    service.cuts = [2, 0, 1, 0, 0, 0, 1]
    steps = []
    session.upload(sealed, progress=lambda done, of: steps.append(done))
    name = sealed.ref.root.hex()
    assert service.disk.objects == {name: b"".join(sealed.chunks())}
    assert puts(service) == [at * SEALED_CHUNK for at in (0, 2, 2, 3, 3, 3, 3, 4)]
    assert steps[-1] == sealed.ref.sealed_size


def test_an_upload_that_does_not_move_on_is_given_up(session, service):
    service.cuts = [1] + [0] * 99
    with pytest.raises(Unavailable) as caught:
        session.upload(seal(BIG, KEY, object_index=0))
    assert caught.value.code == "client.lost"
    assert puts(service) == [0] + [SEALED_CHUNK] * (1 + len(objects.PAUSES))
    service.cuts = []
    session.upload(seal(BIG, KEY, object_index=0))
    assert puts(service)[-1] == SEALED_CHUNK


@pytest.mark.parametrize("offset", ["1", "-5", "x", str(SEALED_CHUNK * 99), "9" * 40])
def test_a_host_that_lies_about_what_it_has(session, service, offset):
    def lie(request, response):
        if request.method != "HEAD":
            return response
        return httpx2.Response(404, headers={"upload-offset": offset})

    service.mangle = lie
    sealed = seal(BIG, KEY, object_index=0)
    session.upload(sealed)
    assert puts(service) == [0]


def test_what_somebody_else_began_is_not_gone_on_with(session, service):
    sealed = seal(BIG, KEY, object_index=0)
    name = sealed.ref.root.hex()
    service.partials[name] = bytes(2 * SEALED_CHUNK)

    def check(request, response):
        if request.method == "PUT" and service.disk.objects.get(name) != b"".join(sealed.chunks()):
            service.disk.objects.pop(name)
            return problem(Untrusted("object.root", "These bytes are not the object of that root."))
        return response

    service.mangle = check
    session.upload(sealed)
    assert puts(service) == [2 * SEALED_CHUNK, 0]


def test_an_object_that_the_host_refuses_from_its_start_is_not_sent_for_ever(session, service):
    service.mangle = lambda request, response: (
        problem(Untrusted("object.root", "No.")) if request.method == "PUT" else response
    )
    service.disk.objects = NeverKept()
    with pytest.raises(Untrusted):
        session.upload(seal(b"data", KEY, object_index=0))
    assert puts(service) == [0]


class NeverKept(dict):
    def __setitem__(self, name, data):
        """Nothing is."""


def test_the_rest_of_changed_data_is_not_sent(session, service, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(BIG)
    sealed = seal(path, KEY, object_index=0)
    service.partials[sealed.ref.root.hex()] = b"".join(list(sealed.chunks())[:2])
    path.write_bytes(BIG[: 3 * CHUNK] + b"different")
    with pytest.raises(Conflict):
        session.upload(sealed)
    assert service.disk.objects == {}
