from __future__ import annotations

import base64
import json
import pathlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.shared import vectors_root
from tobari.base.errors import Untrusted
from tobari.ledger.path import EMPTY_ROOT
from tobari.ledger.proof import verify_consistency, verify_inclusion
from tobari.ledger.tree import Tree, leaf_hash

SHARED = vectors_root()
FOLDER = SHARED / "rfc6962-merkle" / "testdata" if SHARED else pathlib.Path("absent")


def probes(kind: str) -> list[Any]:
    files = sorted((FOLDER / kind).rglob("*.json"))
    cases = [pytest.param(path, id=path.relative_to(FOLDER / kind).with_suffix("").as_posix()) for path in files]
    return cases or [pytest.param(None, id="absent", marks=pytest.mark.skip("no shared vectors: set TOBARI_VECTORS"))]


def hashes(texts: list[str] | None) -> list[bytes]:
    return [base64.b64decode(text) for text in texts or []]


def check(probe: dict[str, Any], code: str, verify: Any, **arguments: Any) -> None:
    if not probe["wantErr"]:
        verify(**arguments)
        return
    with pytest.raises(Untrusted) as caught:
        verify(**arguments)
    assert caught.value.code == code


@pytest.mark.parametrize("path", probes("inclusion"))
def test_inclusion_probe(path: pathlib.Path) -> None:
    probe = json.loads(path.read_text())
    (leaf, root) = hashes([probe["leafHash"], probe["root"]])
    check(
        probe,
        "ledger.inclusion",
        verify_inclusion,
        leaf_hash=leaf,
        index=probe["leafIdx"],
        tree_size=probe["treeSize"],
        proof=hashes(probe["proof"]),
        root_hash=root,
    )


# The one happy probe with roots that are not hashes is about sizes and an empty proof; roots that are not 32 bytes are
# refused all the same, so its roots are replaced and the original must be refused.
SHORT_ROOTS = "sizes-are-equal-one-and-proof-is-empty"


@pytest.mark.parametrize("path", probes("consistency"))
def test_consistency_probe(path: pathlib.Path) -> None:
    probe = json.loads(path.read_text())
    roots = hashes([probe["root1"], probe["root2"]])
    if path.stem == SHORT_ROOTS:
        with pytest.raises(Untrusted):
            verify_consistency(first_size=1, first_root=roots[0], second_size=1, second_root=roots[1], proof=[])
        roots = [root.ljust(32) for root in roots]
    check(
        probe,
        "ledger.consistency",
        verify_consistency,
        first_size=probe["size1"],
        first_root=roots[0],
        second_size=probe["size2"],
        second_root=roots[1],
        proof=hashes(probe["proof"]),
    )


LEAVES = [leaf_hash(b"%d" % i) for i in range(300)]
TREE = Tree()
TREE.extend(LEAVES)

sizes = st.tuples(st.integers(1, 300), st.integers(1, 300)).map(lambda pair: (min(pair), max(pair)))


@given(sizes)
@settings(max_examples=100, deadline=None)
def test_what_the_tree_proves_holds(pair: tuple[int, int]) -> None:
    first, size = pair
    verify_inclusion(
        leaf_hash=LEAVES[first - 1],
        index=first - 1,
        tree_size=size,
        proof=TREE.inclusion_proof(first - 1, size),
        root_hash=TREE.root(size),
    )
    verify_consistency(
        first_size=first,
        first_root=TREE.root(first),
        second_size=size,
        second_root=TREE.root(size),
        proof=TREE.consistency_proof(first, size),
    )


@given(sizes, st.data())
@settings(max_examples=100, deadline=None)
def test_a_changed_inclusion_proof_does_not_hold(pair: tuple[int, int], data: st.DataObject) -> None:
    index, size = pair[0] - 1, pair[1]
    good = {
        "leaf_hash": LEAVES[index],
        "index": index,
        "tree_size": size,
        "proof": TREE.inclusion_proof(index, size),
        "root_hash": TREE.root(size),
    }
    changes = [
        {"leaf_hash": LEAVES[index + 1 if index < 299 else 0]},
        {"proof": [*good["proof"], bytes(32)]},
        {"root_hash": TREE.root(size - 1)},
        {"index": size},
        {"index": -1},
        {"leaf_hash": LEAVES[index][:31]},
        {"proof": [bytes(32)] * 65},
    ]
    if good["proof"]:
        at = data.draw(st.integers(0, len(good["proof"]) - 1))
        changed = list(good["proof"])
        changed[at] = bytes(a ^ b for a, b in zip(changed[at], data.draw(st.sampled_from(LEAVES)), strict=True))
        changes += [{"proof": changed}, {"proof": changed[:at] + changed[at + 1 :]}, {"proof": [b""] * len(changed)}]
    with pytest.raises(Untrusted):
        verify_inclusion(**{**good, **data.draw(st.sampled_from(changes))})


def test_sizes_have_a_limit() -> None:
    with pytest.raises(Untrusted):
        verify_inclusion(leaf_hash=bytes(32), index=0, tree_size=1 << 63, proof=[bytes(32)] * 63, root_hash=bytes(32))


def test_nothing_is_consistent_with_an_empty_tree() -> None:
    with pytest.raises(Untrusted):
        verify_consistency(
            first_size=0, first_root=EMPTY_ROOT, second_size=8, second_root=TREE.root(8), proof=[]
        )  # fmt: skip
