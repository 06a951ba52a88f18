"""One history: each checkpoint must continue those seen before, in this process or any other that shares the store.

The answer to a request must not be older than what was known when the request left, and proves by the host's own
consistency proof that it continues that. Meanwhile other answers may have moved the store on. Then the two are compared
through the log's tiles, in whichever order they stand: answers that overtake each other are no rollback.

A proof that does not hold accuses nobody: whoever relays it may have spoilt it. Then, too, the tiles are asked. Only if
they lead to the larger tree's root, and to another root where the smaller tree ends, has the service forked its log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hmac import compare_digest

from tobari.base.errors import Unavailable, Untrusted
from tobari.client.flow import Flow, blocking
from tobari.client.tiles import beginning
from tobari.client.trust import Evidence, Seen, TrustStore
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.note import NoteKey
from tobari.ledger.proof import verify_consistency

_ATTEMPTS = 32


class History:
    """Of one service, whose checkpoints `key` signs."""

    def __init__(self, *, trust: TrustStore, service: bytes, key: NoteKey, now: Callable[[], int]) -> None:
        self._trust = trust
        self._service = service
        self._key = key
        self._now = now

    def newest(self) -> Flow[Seen | None]:
        """What is known now: what a request that leaves now is answered against."""
        return blocking(lambda: self._trust.load(self._service, key=self._key))

    def follow(self, note: str, *, asked: Seen | None, proof: Sequence[bytes] | None) -> Flow[Checkpoint]:
        """Take in a signed checkpoint that answers a request.

        Args:
            asked: what `newest` gave when the request left.
            proof: consistency proof from there, as the host gives it; None to make it from the log's tiles.

        Raises:
            Untrusted: `client.rollback`, `client.fork`; `client.unproven` if the host shows neither that it continues
                what is known nor that it does not. All three keep both checkpoints. `note.*`.
            TobariError: as `from_tiles` says.
            Unavailable: `client.history_busy`.
        """
        found = Seen(checkpoint=open_checkpoint(note, self._key), note=note, seen_at=self._now())
        if asked is not None:
            if found.checkpoint.tree_size < asked.checkpoint.tree_size:
                raise (yield from self._rolled_back(Evidence(known=asked, found=found, proven=False)))
            yield from self._continues(asked, found, proof=proof, culprit=found)
        for _ in range(_ATTEMPTS):
            known = yield from self.newest()
            if known is not None and known != asked:
                older, newer = sorted((known, found), key=lambda seen: seen.checkpoint.tree_size)
                yield from self._continues(older, newer, proof=None, culprit=found)
            if known is not None and known.checkpoint.tree_size >= found.checkpoint.tree_size:
                return found.checkpoint
            if (yield from blocking(lambda: self._replace(found, expected=known))):  # noqa: B023  (called at once)
                return found.checkpoint
            asked = known
        raise Unavailable("client.history_busy", "Too many processes follow this service at once; try again.")

    def _replace(self, found: Seen, *, expected: Seen | None) -> bool:
        return self._trust.replace(self._service, found, expected=expected, key=self._key)

    def _continues(self, older: Seen, newer: Seen, *, proof: Sequence[bytes] | None, culprit: Seen) -> Flow[None]:
        """The older tree is the beginning of the newer one; if not, `culprit` is the one that came last."""
        first, second = older.checkpoint, newer.checkpoint
        known = older if culprit is newer else newer
        if first.tree_size == second.tree_size:
            if not compare_digest(first.root_hash, second.root_hash):
                raise (yield from self._forked(Evidence(known=known, found=culprit, proven=True)))
            return
        if first.tree_size == 0 or (proof is not None and _begins(first.root_hash, first, second, proof)):
            return
        try:
            earlier_root, proof = yield from beginning(first.tree_size, tree_size=second.tree_size)
        except Untrusted:
            raise (yield from self._unproven(Evidence(known=known, found=culprit, proven=False))) from None
        if not _begins(earlier_root, first, second, proof):
            raise (yield from self._unproven(Evidence(known=known, found=culprit, proven=False)))
        if not compare_digest(earlier_root, first.root_hash):
            raise (
                yield from self._forked(
                    Evidence(known=known, found=culprit, proven=True, earlier_root=earlier_root, proof=proof)
                )
            )

    def _rolled_back(self, evidence: Evidence) -> Flow[Untrusted]:
        kept = yield from self._keep(evidence)
        return Untrusted(
            "client.rollback",
            f"The log was rolled back: it had {evidence.known}, and now shows {evidence.found}. {kept}",
        )

    def _forked(self, evidence: Evidence) -> Flow[Untrusted]:
        kept = yield from self._keep(evidence)
        return Untrusted(
            "client.fork", f"The log was forked: {evidence.found} do not continue what it had, {evidence.known}. {kept}"
        )

    def _unproven(self, evidence: Evidence) -> Flow[Untrusted]:
        kept = yield from self._keep(evidence)
        return Untrusted(
            "client.unproven",
            f"The host does not prove that {evidence.found} continue what it had, {evidence.known}: ask again. {kept}",
        )

    def _keep(self, evidence: Evidence) -> Flow[str]:
        path = yield from blocking(lambda: self._trust.keep_evidence(self._service, evidence))
        if path is None:
            return f"Nothing of the answer was used. Enough such evidence lies in {self._trust.folder}."
        return f"Nothing of the answer was used. Both checkpoints are kept in {path}: show them to the other members."


def _begins(root: bytes, first: Checkpoint, second: Checkpoint, proof: Sequence[bytes]) -> bool:
    """Whether the proof leads from a tree of the first size and that root to the second tree."""
    try:
        verify_consistency(
            first_size=first.tree_size,
            first_root=root,
            second_size=second.tree_size,
            second_root=second.root_hash,
            proof=proof,
        )
    except Untrusted:
        return False
    return True
