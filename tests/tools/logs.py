"""A small log as its static files, for whoever verifies logs: made in memory, signed with a fixed key."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tobari.crypto.signing import SigningKey
from tobari.ledger import tiles
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.entry import LeafHeader, claims_digest, public_digest, sealed_digest
from tobari.ledger.note import NoteKey
from tobari.ledger.receipt import Receipt
from tobari.ledger.tiles import WIDTH, TilePath
from tobari.ledger.tree import Tree, leaf_hash

ORIGIN = "log.example/tobari"
SIGNING_KEY = SigningKey.from_seed(bytes(range(32)))
KEY = NoteKey(name=ORIGIN, key=SIGNING_KEY.public)
START = 1_790_000_000_000
"""Log time of the first entry."""


def salt_of(seq: int) -> bytes:
    return seq.to_bytes(32, "big")


def claims_of(seq: int) -> bytes:
    return b"claims of entry %d" % seq


def public_of(seq: int) -> bytes:
    return b"" if seq % 3 else b"public body of entry %d" % seq


def header_of(seq: int, **changes: int | bytes) -> bytes:
    """The leaf of entry `seq`, with some fields as given instead."""
    fields: dict[str, int | bytes] = {
        "seq": seq,
        "term": 1,
        "time": START + 10 * seq,
        "public": public_digest(public_of(seq)),
        "sealed": sealed_digest(b"sealed body of entry %d" % seq),
        "claims": claims_digest(salt_of(seq), claims_of(seq)),
    }
    return LeafHeader(**{**fields, **changes}).encode()  # type: ignore[arg-type]


@dataclasses.dataclass
class Log:
    """Leaves, public bodies and the tree over them."""

    leaves: list[bytes]
    public: list[bytes]
    tree: Tree

    @classmethod
    def of(cls, leaves: Sequence[bytes]) -> Log:
        tree = Tree()
        tree.extend(map(leaf_hash, leaves))
        return cls(leaves=list(leaves), public=[public_of(seq) for seq in range(len(leaves))], tree=tree)

    @classmethod
    def make(cls, size: int) -> Log:
        return cls.of([header_of(seq) for seq in range(size)])

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = self.tree.size if size is None else size
        return Checkpoint(origin=ORIGIN, tree_size=size, root_hash=self.tree.root(size))

    def note(self, size: int | None = None) -> str:
        return self.checkpoint(size).sign(SIGNING_KEY)

    def receipt(self, seq: int) -> Receipt:
        return Receipt.build(
            header=self.leaves[seq],
            claims=claims_of(seq),
            salt=salt_of(seq),
            proof=self.tree.inclusion_proof(seq),
            checkpoint=self.note(),
        )

    def files(self) -> dict[str, bytes]:
        """Path below the log's prefix, and the file's bytes."""
        files = {"checkpoint": self.note().encode()}
        files |= {str(where): tiles.tile(self.tree, where) for where in tiles.tile_paths(self.tree.size)}
        for first in range(0, self.tree.size, WIDTH):
            leaves, public = self.leaves[first : first + WIDTH], self.public[first : first + WIDTH]
            index, width = first // WIDTH, len(leaves)
            files[str(TilePath(kind="entries", index=index, width=width))] = tiles.encode_bundle("entries", leaves)
            files[str(TilePath(kind="public", index=index, width=width))] = tiles.encode_bundle("public", public)
        return files
