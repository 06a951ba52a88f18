"""Verifying Merkle proofs: RFC 9162, section 2.1.3.2 (inclusion) and section 2.1.4.2 (consistency).

The names fn, sn, fr, sr and r are the RFC's. Both functions return nothing and raise `Untrusted`: there is no boolean
to forget. Beyond the RFC they refuse hashes that are not 32 bytes, an empty first tree (everything is consistent with
it, so it proves nothing), and proofs longer than any tree can need.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from tobari.base.errors import Untrusted
from tobari.ledger.path import HASH, node_hash

MAX_SIZE = (1 << 63) - 1
"""Leaves of the largest tree, so that sizes fit everywhere; a proof has then at most 64 hashes."""
MAX_PROOF = 64


def verify_inclusion(*, leaf_hash: bytes, index: int, tree_size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """The leaf stands at `index` in the tree of `tree_size` leaves with `root_hash`.

    Raises:
        Untrusted: `ledger.inclusion`.
    """
    if not 0 <= index < tree_size <= MAX_SIZE:
        raise _not_included("the index lies outside the tree")
    if not _are_hashes(proof, leaf_hash, root_hash):
        raise _not_included("a hash does not have 32 bytes, or there are too many")
    fn, sn, r = index, tree_size - 1, leaf_hash
    for p in proof:
        if sn == 0:
            raise _not_included("the proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise _not_included("the proof is too short")
    if not hmac.compare_digest(r, root_hash):
        raise _not_included("it leads to another root")


def verify_consistency(
    *, first_size: int, first_root: bytes, second_size: int, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """The tree of `first_size` leaves with `first_root` is the beginning of the second one.

    Raises:
        Untrusted: `ledger.consistency`.
    """
    if not 0 < first_size <= second_size <= MAX_SIZE:
        raise _not_consistent("the first size must be at least 1 and not above the second")
    if not _are_hashes(proof, first_root, second_root):
        raise _not_consistent("a hash does not have 32 bytes, or there are too many")
    if first_size == second_size:
        if proof or not hmac.compare_digest(first_root, second_root):
            raise _not_consistent("two trees of one size must have one root and need no proof")
        return
    if not proof:
        raise _not_consistent("the proof is empty")
    # A first tree that is one complete subtree stands for the first hash of the path itself.
    fr, *rest = proof if first_size & (first_size - 1) else [first_root, *proof]
    sr = fr
    fn, sn = first_size - 1, second_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    for c in rest:
        if sn == 0:
            raise _not_consistent("the proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise _not_consistent("the proof is too short")
    if not hmac.compare_digest(fr, first_root):
        raise _not_consistent("it does not lead to the first root")
    if not hmac.compare_digest(sr, second_root):
        raise _not_consistent("it does not lead to the second root")


def _are_hashes(proof: Sequence[bytes], *others: bytes) -> bool:
    return len(proof) <= MAX_PROOF and all(len(h) == HASH for h in (*proof, *others))


def _not_included(why: str) -> Untrusted:
    return Untrusted("ledger.inclusion", f"The inclusion proof does not hold: {why}. Do not rely on this entry.")


def _not_consistent(why: str) -> Untrusted:
    return Untrusted(
        "ledger.consistency",
        f"The consistency proof does not hold: {why}. The log may have been rolled back or forked: keep both "
        "checkpoints and ask the operator.",
    )
