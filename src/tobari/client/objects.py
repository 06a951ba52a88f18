"""Sealing data into objects, and reading one's own objects back (spec/object.md).

Two passes over the source in bounded memory: the first seals to learn the root, the second seals again, to the same
bytes, and sends them. If the source changed in between, another plaintext would be sealed under the same key and nonce.
So the second pass holds each sealed chunk against the first pass's hash of it before it leaves: a nonce never shows two
texts. The price is 32 bytes of memory for each MiB.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import BinaryIO

from tobari.base.errors import Conflict, NotFound, TobariError, TooLarge, Unavailable, Untrusted
from tobari.base.messages.objects import CHUNK, MAX_OBJECT, SEALED_CHUNK, ObjectRef
from tobari.base.messages.relay import UPLOAD_OFFSET_HEADER
from tobari.client.flow import Flow, Request, Response, exchange, pause
from tobari.client.log_files import Progress
from tobari.client.relay import problem
from tobari.crypto.chunks import ChunkKey
from tobari.ledger.frontier import Frontier
from tobari.ledger.path import leaf_hash

Source = Path | bytes
"""A file, or data in memory."""

PAUSES = (0.3, 1.0, 3.0, 10.0)
"""Seconds before each further attempt at an upload that does not move on."""
_AGAIN = frozenset(
    {"client.lost", "client.unreachable", "host.busy", "host.rate", "http.slow", "host.not_ready", "object.offset"}
)
"""After these an upload that has begun is tried again."""
_SLOWEST = 50_000.0
"""Bytes per second below which a transfer is given up."""


@dataclass(frozen=True, kw_only=True)
class DataKey:
    """Seals one dataset. Whoever has the secret can read it: the service gets it sealed, the owner keeps a copy."""

    dataset: bytes
    """Dataset id, 16 bytes."""
    secret: bytes
    """32 bytes."""

    @classmethod
    def generate(cls) -> DataKey:
        """A new dataset."""
        return cls(dataset=secrets.token_bytes(16), secret=secrets.token_bytes(32))

    def __repr__(self) -> str:
        return f"DataKey(dataset={self.dataset.hex()}, …)"

    def chunk_key(self, object_index: int) -> ChunkKey:
        """For the object at that place in the dataset."""
        return ChunkKey(self.secret, dataset=self.dataset, object_index=object_index)


@dataclass(frozen=True, kw_only=True)
class SealedObject:
    """An object that is ready to be sent: its name, and how to make its bytes again."""

    ref: ObjectRef
    source: Source
    key: ChunkKey
    hashes: bytes
    """Leaf hashes of the sealed chunks, 32 bytes each."""

    def chunks(self, first: int = 0) -> Iterator[bytes]:
        """The sealed chunks, in order from `first` on.

        Raises:
            Conflict: `object.changed`, the source is no longer what was sealed first.
        """
        for index, chunk in enumerate(_sealed(self.source, self.key, first=first), first):
            if not compare_digest(leaf_hash(chunk), self.hashes[index * 32 : (index + 1) * 32]):
                raise _changed()
            yield chunk


def seal(source: Source, key: DataKey, *, object_index: int, progress: Progress | None = None) -> SealedObject:
    """Seal a source as the object at `object_index` of a dataset. Each index is used once: indices only grow.

    Args:
        progress: called with bytes read, and bytes in all.

    Raises:
        TooLarge: `object.too_large`.
        Conflict: `object.changed`, it grew or shrank meanwhile.
        OSError: it cannot be read.
    """
    size = _size(source)
    if size > MAX_OBJECT:
        raise TooLarge("object.too_large", f"An object may have at most {MAX_OBJECT} bytes; split the data.")
    chunk_key = key.chunk_key(object_index)
    frontier, hashes, read = Frontier(), bytearray(), 0
    for chunk in _sealed(source, chunk_key):
        digest = leaf_hash(chunk)
        frontier.append(digest)
        hashes += digest
        read += len(chunk) - (SEALED_CHUNK - CHUNK)
        if progress is not None:
            progress(read, size)
        if read > size:
            break
    if read != size:
        raise _changed()
    ref = ObjectRef(root=frontier.root(), size=size)
    return SealedObject(ref=ref, source=source, key=chunk_key, hashes=bytes(hashes))


def _size(source: Source) -> int:
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def _open(source: Source) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _sealed(source: Source, key: ChunkKey, *, first: int = 0) -> Iterator[bytes]:
    with _open(source) as file:
        file.seek(first * CHUNK)
        index, chunk = first, file.read(CHUNK)
        while following := file.read(CHUNK):
            yield key.seal(chunk, index=index, last=False)
            index, chunk = index + 1, following
        yield key.seal(chunk, index=index, last=True)


class Opener:
    """Opens an object as its bytes come in. What it returns is authentic at once; that it is whole, `finish` says."""

    def __init__(self, ref: ObjectRef, key: DataKey, *, object_index: int) -> None:
        self._ref = ref
        self._key = key.chunk_key(object_index)
        self._frontier = Frontier()
        self._buffer = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take sealed bytes, return what plaintext they complete.

        Raises:
            Untrusted: `object.chunk`, a chunk was altered, swapped, or belongs elsewhere.
        """
        self._buffer += data
        plaintext = bytearray()
        while len(self._buffer) >= SEALED_CHUNK:
            plaintext += self._open(bytes(self._buffer[:SEALED_CHUNK]))
            del self._buffer[:SEALED_CHUNK]
        return bytes(plaintext)

    def finish(self) -> bytes:
        """The rest of the plaintext.

        Raises:
            Untrusted: `object.chunk`; `object.root`, the object was cut, or is not the one its name says.
        """
        rest = self._open(bytes(self._buffer)) if self._buffer else b""
        self._buffer.clear()
        if self._frontier.size != self._ref.chunks or not compare_digest(self._frontier.root(), self._ref.root):
            raise Untrusted("object.root", "This is not the whole object of that root: fetch it again.")
        return rest

    def _open(self, sealed: bytes) -> bytes:
        index = self._frontier.size
        if index >= self._ref.chunks:
            raise Untrusted("object.chunk", "The object has more chunks than its owner sealed.")
        self._frontier.append(leaf_hash(sealed))
        return self._key.open(sealed, index=index, last=index == self._ref.chunks - 1)


def upload(sealed: SealedObject, *, progress: Progress | None = None) -> Flow[None]:
    """Send an object to the host that keeps it, unless it has it. Sending it again is harmless.

    When the connection breaks or the host restarts, it goes on where the host is, for as long as that moves on.

    Raises:
        Conflict: `object.changed`.
        TobariError: what the host reports; Unavailable as `flow.exchange` says.
    """
    reached, tries, anew = -1, 0, False
    while True:
        error, offset = yield from _attempt(sealed, progress, anew=anew)
        if error is None:
            return
        if offset is not None and offset > reached:
            reached, tries = offset, 0
        # What somebody else began under this name, or a disk spoilt, is not gone on with.
        anew = error.code == "object.root" and bool(offset)
        if tries == len(PAUSES) or reached < 0 or not (anew or error.code in _AGAIN):
            raise error
        yield from pause(PAUSES[tries])
        tries += 1


def _attempt(
    sealed: SealedObject, progress: Progress | None, *, anew: bool
) -> Flow[tuple[TobariError | None, int | None]]:
    """One request for what the host lacks. What went wrong, and where the request began; None if it did not begin."""
    size, path = sealed.ref.sealed_size, _path(sealed.ref)
    try:
        known = yield from exchange(Request(method="HEAD", path=path, max_bytes=0))
    except Unavailable as lost:
        return lost, None
    if known.status == 200:
        return None, None
    if known.status != 404:
        return problem(known), None
    offset = 0 if anew else _offset(known, size)

    def pieces() -> Iterator[bytes]:
        sent = offset
        for chunk in sealed.chunks(offset // SEALED_CHUNK):
            yield chunk
            sent += len(chunk)
            if progress is not None:
                progress(sent, size)

    headers = {"content-type": "application/octet-stream", "content-length": str(size - offset)}
    if offset:
        headers[UPLOAD_OFFSET_HEADER] = str(offset)
    request = Request(
        method="PUT", path=path, headers=headers, pieces=pieces, max_bytes=1 << 16, seconds=_seconds(size - offset)
    )
    try:
        response = yield from exchange(request)
    except Unavailable as lost:
        return lost, offset
    return (None if response.status in (200, 201) else problem(response)), offset


def _offset(response: Response, size: int) -> int:
    """Where the host says to go on; from the start if that is no place within the object."""
    text = response.upload_offset or ""
    offset = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return offset if offset < size and offset % SEALED_CHUNK == 0 else 0


def download(
    ref: ObjectRef,
    key: DataKey,
    *,
    object_index: int,
    write: Callable[[bytes], object],
    progress: Progress | None = None,
) -> Flow[None]:
    """Fetch one's own object and open it. Use what was written only if this returns.

    Raises:
        Untrusted: see `Opener`.
        NotFound: `object.not_found`.
        TobariError: what the host reports; TooLarge, Unavailable as `flow.exchange` says.
    """
    opener = Opener(ref, key, object_index=object_index)
    got = 0

    def sink(data: bytes) -> None:
        nonlocal got
        got += len(data)
        write(opener.feed(data))
        if progress is not None:
            progress(got, ref.sealed_size)

    response = yield from exchange(
        Request(method="GET", path=_path(ref), max_bytes=ref.sealed_size, sink=sink, seconds=_seconds(ref.sealed_size))
    )
    if response.status == 404:
        raise NotFound("object.not_found", "This object is not at the host: send it again.")
    if response.status != 200:
        raise problem(response)
    write(opener.finish())


def _path(ref: ObjectRef) -> str:
    return f"/v1/objects/{ref.root.hex()}"


def _seconds(size: int) -> float:
    return 60.0 + size / _SLOWEST


def _changed() -> Conflict:
    return Conflict("object.changed", "The data changed while it was sealed: seal it again, under a new data key.")
