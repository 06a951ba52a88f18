"""What an owner does before the test starts: seal a file into chunks."""

from __future__ import annotations

from tobari.base.messages.objects import CHUNK, ObjectRef
from tobari.crypto.chunks import ChunkKey
from tobari.enclave.runtime.job import Column, Source
from tobari.ledger.tree import Tree, leaf_hash

DATASET = bytes(range(16))
KEY = b"k" * 32
COLUMNS = [
    Column(name="id", type="text"),
    Column(name="age", type="integer"),
    Column(name="dose", type="real"),
    Column(name="alive", type="boolean"),
    Column(name="seen", type="date"),
]
CSV = b"""id,age,dose,alive,seen,secret
a,41,1.5,yes,2024-02-29,x
b,,2,no,2025-02-28,y
a,forty,nan,perhaps,2025-02-29,z
"""


def seal(
    data: bytes, *, file_format: str = "csv", dataset: bytes = DATASET, object_index: int = 0, key: bytes = KEY
) -> tuple[Source, list[bytes]]:
    """The source of a job, and the sealed chunks that belong to it."""
    chunk_key = ChunkKey(key, dataset=dataset, object_index=object_index)
    pieces = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)] or [b""]
    last = len(pieces) - 1
    chunks = [chunk_key.seal(piece, index=index, last=index == last) for index, piece in enumerate(pieces)]
    tree = Tree()
    tree.extend(leaf_hash(chunk) for chunk in chunks)
    reference = ObjectRef(root=tree.root(), size=len(data))
    source = Source(dataset=dataset, object_index=object_index, object=reference, format=file_format, data_key=key)
    return source, chunks
