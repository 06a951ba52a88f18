"""Holding a release against the log (spec/ledger.md): what everybody sees is what the recipient was given.

1. The result is the one that its digest names.
2. The entry that the release names is in the tree of the newest checkpoint that this client has verified.
3. The public body of that entry is the one that its leaf header names.
4. It shows a release, of the datasets that this one names.
5. Its commitments open, with the release's salt, to this query, these terms and this result.

So neither the service nor whoever keeps the log can show the owners another question than the one that was answered. A
public body that was pruned cannot be held against anything, and is refused like a wrong one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from hmac import compare_digest
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tobari.base import cbor, wire
from tobari.base.errors import TobariError, Untrusted
from tobari.base.messages.command import Digest
from tobari.client.flow import Flow
from tobari.client.history import History
from tobari.client.tiles import entry_of
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.disclosure import verify_disclosed
from tobari.ledger.entry import MAX_PUBLIC, LeafHeader, public_digest
from tobari.ledger.path import leaf_hash
from tobari.ledger.proof import verify_inclusion


class _Release(msgspec.Struct, frozen=True):
    """What of a release the log commits to."""

    entry: Annotated[int, Meta(ge=0)]
    datasets: list[bytes]
    terms: list[Digest]
    query: Digest
    result_digest: Digest
    result: Any
    salt: Digest


class _Shown(msgspec.Struct, frozen=True):
    """The same, as the entry shows it."""

    act: str
    datasets: list[bytes]
    terms: list[Digest]
    query: Digest
    result: Digest


def verify_release(release: Mapping[str, Any], *, history: History) -> Flow[int]:
    """Steps 1 to 5; the index of the entry.

    Args:
        release: as the query `release` of the program `room` gives it.

    Raises:
        Malformed: `message.malformed`, this is no release.
        Untrusted: `release.result` (1), `release.entry` (2), `release.public` (3), `release.datasets` (4),
            `release.commitment` (5).
        TobariError: what the host reports instead; TooLarge, Unavailable as `flow.exchange` says.
    """
    given = wire.convert(dict(release), _Release)
    # 1
    if not compare_digest(given.result_digest, hashlib.sha256(cbor.encode(given.result)).digest()):
        raise Untrusted("release.result", "The result is not the one that the release names: do not use it.")
    # 2
    seen = yield from history.newest()
    if seen is None or given.entry >= seen.checkpoint.tree_size:
        raise _not_proven(given.entry)
    header, body = yield from _entry(given.entry, seen.checkpoint)
    # 3
    if body is None or not compare_digest(public_digest(body), header.public):
        raise Untrusted(
            "release.public", f"The host does not show what entry {given.entry} made public: the release is not held."
        )
    # 4
    shown = _disclosed(body)
    if shown is None or shown.act != "release" or shown.datasets != given.datasets:
        raise Untrusted(
            "release.datasets", f"Entry {given.entry} of the log is no release of these datasets: do not use it."
        )
    # 5
    _check_commitments(given, shown)
    return given.entry


def _entry(index: int, checkpoint: Checkpoint) -> Flow[tuple[LeafHeader, bytes | None]]:
    """Step 2."""
    try:
        found = yield from entry_of(index, tree_size=checkpoint.tree_size)
        verify_inclusion(
            leaf_hash=leaf_hash(found.leaf),
            index=index,
            tree_size=checkpoint.tree_size,
            proof=found.proof,
            root_hash=checkpoint.root_hash,
        )
        return LeafHeader.from_bytes(found.leaf), found.public
    except Untrusted as error:
        raise _not_proven(index) from error


def _disclosed(body: bytes) -> _Shown | None:
    try:
        record = cbor.decode(body, max_bytes=MAX_PUBLIC)
        return wire.convert(record["disclosed"], _Shown)
    except (TobariError, TypeError, KeyError):
        return None


def _check_commitments(given: _Release, shown: _Shown) -> None:
    """Step 5."""
    try:
        verify_disclosed(shown.query, value=given.query, name="query", salt=given.salt)
        for commitment, terms in zip(shown.terms, given.terms, strict=True):
            verify_disclosed(commitment, value=terms, name="terms", salt=given.salt)
        verify_disclosed(shown.result, value=given.result_digest, name="result", salt=given.salt)
    except (Untrusted, ValueError) as error:
        raise Untrusted(
            "release.commitment",
            f"Entry {given.entry} of the log commits to another query, other terms or another result: do not use it.",
        ) from error


def _not_proven(index: int) -> Untrusted:
    return Untrusted("release.entry", f"The host does not prove entry {index} of the log, which the release names.")
