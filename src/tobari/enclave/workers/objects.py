"""Opening a sealed object inside the worker (spec/object.md): the root over its chunks, and each chunk in its place.

Not here: what the plaintext means (`tables`).
"""

from __future__ import annotations

import os

from tobari.base.errors import Untrusted
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.crypto.chunks import ChunkKey
from tobari.enclave.runtime.job import Source
from tobari.enclave.workers.failures import JobFailed
from tobari.ledger.frontier import Frontier
from tobari.ledger.tree import leaf_hash


def open_object(source: Source, descriptor: int, *, max_bytes: int) -> bytes:
    """The plaintext of the object whose sealed chunks lie one after the other in `descriptor`.

    Raises:
        JobFailed: `dataset.size`; `object.chunk`, a chunk swapped, altered, cut or of another place; `object.root`,
            the chunks open and yet are not those that were contributed.
    """
    expected = source.object
    if expected.size > max_bytes:
        raise JobFailed("dataset.size")
    if os.fstat(descriptor).st_size != expected.sealed_size:
        raise JobFailed("object.root")
    key = ChunkKey(source.data_key, dataset=source.dataset, object_index=source.object_index)
    tree = Frontier()
    chunks = []
    for index in range(expected.chunks):
        sealed = os.pread(descriptor, SEALED_CHUNK, index * SEALED_CHUNK)
        tree.append(leaf_hash(sealed))
        try:
            chunks.append(key.open(sealed, index=index, last=index == expected.chunks - 1))
        except Untrusted:
            raise JobFailed("object.chunk") from None
    if tree.root() != expected.root:
        raise JobFailed("object.root")
    return b"".join(chunks)
