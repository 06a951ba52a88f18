"""tobari.host.published: nothing is shown that no checkpoint covers, and no checkpoint of another log."""

from __future__ import annotations

import pytest

from tests.host.fake_enclave import note
from tobari.base.errors import Broken, Unavailable
from tobari.host.published import PublishedLog
from tobari.ledger.tree import Tree, leaf_hash

HEADERS = [b"header %d" % i for i in range(10)]


def log(size: int) -> tuple[PublishedLog, Tree]:
    published, tree = PublishedLog(), Tree()
    published.extend(HEADERS[:size])
    tree.extend(leaf_hash(header) for header in HEADERS[:size])
    return published, tree


def test_there_is_no_checkpoint_before_the_first() -> None:
    with pytest.raises(Unavailable):
        _ = PublishedLog().newest


def test_the_newest_checkpoint_is_shown() -> None:
    published, tree = log(10)
    published.publish(note(tree, 4))
    published.publish(note(tree, 4))
    assert published.publish(note(tree, 10)) == published.newest
    assert published.newest.tree_size == 10


def test_the_checkpoint_never_goes_back() -> None:
    published, tree = log(10)
    published.publish(note(tree, 5))
    with pytest.raises(Broken):
        published.publish(note(tree, 4))


def test_a_checkpoint_beyond_the_store_is_refused() -> None:
    published, _ = log(5)
    with pytest.raises(Broken):
        published.publish(note(log(6)[1]))


@pytest.mark.parametrize("text", ["", "\n\n", "origin\n5\nAAAA\n\n", "x" * 100_000])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    published, _ = log(5)
    with pytest.raises(Broken):
        published.publish(text)
