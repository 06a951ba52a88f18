"""What the host may show of the log: the tree over its leaf headers, and the newest published checkpoint.

The tree runs ahead of the checkpoint by what is durable and not yet published. Strangers are shown nothing of that:
an entry that no checkpoint covers was committed by nobody. Belongs to the event loop; does no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tobari.base.errors import Broken, Malformed, Unavailable
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.tree import Tree, leaf_hash


class Published(NamedTuple):
    """A checkpoint as its signed note, and what the note says."""

    note: str
    tree_size: int


class PublishedLog:
    """The public face of the log."""

    def __init__(self) -> None:
        self.tree = Tree()
        self._newest: Published | None = None

    @property
    def newest(self) -> Published:
        """The newest published checkpoint.

        Raises:
            Unavailable: `ledger.no_checkpoint`, none was published yet.
        """
        if self._newest is None:
            raise Unavailable("ledger.no_checkpoint", "The log has no published checkpoint yet; try again shortly.")
        return self._newest

    def extend(self, headers: Iterable[bytes]) -> None:
        """Add the leaves of durable entries."""
        self.tree.extend(leaf_hash(header) for header in headers)

    def publish(self, note: str) -> Published:
        """Show this checkpoint from now on. Its signature is for clients to check: the host holds no trust.

        Raises:
            Broken: `host.checkpoint`, it is not one of this log, or older than what was shown.
        """
        shown = self._newest.tree_size if self._newest else 0
        try:
            checkpoint = Checkpoint.parse(note.partition("\n\n")[0] + "\n")
        except Malformed:
            raise Broken("host.checkpoint", "The enclave gave a checkpoint that is none.") from None
        size = checkpoint.tree_size
        if not shown <= size <= self.tree.size or self.tree.root(size) != checkpoint.root_hash:
            raise Broken(
                "host.checkpoint", "The checkpoint is not one of the log kept here; restore the data directory."
            )
        self._newest = Published(note, size)
        return self._newest

    def consistency(self, first: int | None, published: Published) -> list[bytes]:
        """Consistency proof from a client's size to a published one (RFC 9162, section 2.1.4).

        Empty where there is nothing to prove, or nothing that could be proven: the client named no size, or one that
        is not below the published one. It has the signed checkpoint to judge that by.
        """
        if first is None or not 0 < first < published.tree_size:
            return []
        return self.tree.consistency_proof(first, published.tree_size)
