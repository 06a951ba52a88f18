from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tools.logs import KEY, ORIGIN, SIGNING_KEY, START, Log, header_of, public_of
from tobari.base.errors import Untrusted
from tobari.crypto.signing import SigningKey
from tobari.ledger.audit import audit
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.note import sign_note
from tobari.ledger.tiles import decode_bundle, encode_bundle

STRANGER = SigningKey.from_seed(b"s" * 32)
SIZE = 600
LOG = Log.make(SIZE)
FILES = LOG.files()


def code_of(files: dict[str, bytes], earlier: Checkpoint | None = None) -> str:
    with pytest.raises(Untrusted) as caught:
        audit(files.get, key=KEY, earlier=earlier)
    return caught.value.code


def entries(path: str, change: Callable[[list[bytes]], list[bytes]]) -> dict[str, bytes]:
    leaves, _ = decode_bundle("entries", FILES[path])
    return {**FILES, path: encode_bundle("entries", change(leaves))}


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, SIZE, 65_536 + 300])
def test_a_whole_log_holds(size: int) -> None:
    log = LOG if size == SIZE else Log.make(size)
    report = audit(log.files().get, key=KEY, earlier=log.checkpoint(max(1, size // 2)))
    assert (report.origin, report.tree_size, report.entries) == (ORIGIN, size, size)
    assert report.root_hash == log.tree.root()
    assert (report.first_time, report.last_time) == (START, START + 10 * (size - 1))
    assert (report.public_present, report.public_pruned) == (size, 0)


def test_an_empty_log_holds() -> None:
    report = audit(Log.make(0).files().get, key=KEY)
    assert (report.entries, report.first_time, report.last_time) == (0, None, None)


def test_every_earlier_checkpoint_of_the_log_is_its_beginning() -> None:
    for size in (0, 1, 255, 256, 257, 512, 599, 600):
        audit(FILES.get, key=KEY, earlier=LOG.checkpoint(size))


def test_pruned_public_bodies_are_counted() -> None:
    files = {path: data for path, data in FILES.items() if path != "tile/public/001"}
    report = audit(files.get, key=KEY)
    assert (report.public_present, report.public_pruned) == (344, 256)


def test_a_log_that_grew_since_its_checkpoint_was_kept() -> None:
    grown = {path: data for path, data in Log.make(1024).files().items() if ".p/" not in path}
    upper = {path: data for path, data in FILES.items() if path.startswith("tile/1/")}
    assert audit({**grown, **upper, "checkpoint": FILES["checkpoint"]}.get, key=KEY).entries == SIZE


def test_each_file_is_read_once() -> None:
    asked: list[str] = []

    def read(path: str) -> bytes | None:
        asked.append(path)
        return FILES.get(path)

    audit(read, key=KEY)
    assert sorted(asked) == sorted(FILES)


def swap(leaves: list[bytes]) -> list[bytes]:
    return [*leaves[:3], leaves[4], leaves[3], *leaves[5:]]


ALTERED = header_of(7, time=START + 71)
FIRST, LAST = "tile/entries/000", "tile/entries/002.p/88"
PUBLIC = FILES["tile/public/000"]
EMPTY_LOG_OF_ANOTHER = "other\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


def without(path: str) -> dict[str, bytes]:
    return {name: data for name, data in FILES.items() if name != path}


def with_checkpoint(note: str) -> dict[str, bytes]:
    return {**FILES, "checkpoint": note.encode()}


def checkpoint_of(root_hash: bytes) -> Checkpoint:
    return Checkpoint(origin=ORIGIN, tree_size=SIZE, root_hash=root_hash)


HOSTS_FAULTS = {
    "altered-entry": ("ledger.altered", entries(FIRST, lambda e: [*e[:7], ALTERED, *e[8:]])),
    "entry-that-is-no-header": ("ledger.altered", entries(FIRST, lambda e: [*e[:7], b"?", *e[8:]])),
    "reordered-entries": ("ledger.reordered", entries(FIRST, swap)),
    "dropped-entry": ("ledger.dropped", entries(LAST, lambda e: [*e[:7], *e[8:]])),
    "dropped-entry-others-moved-up": ("ledger.dropped", entries(FIRST, lambda e: [*e[:7], *e[8:], header_of(256)])),
    "dropped-last-entry": ("ledger.truncated", entries(LAST, lambda e: e[:-1])),
    "empty-bundle": ("ledger.truncated", {**FILES, LAST: b""}),
    "bundle-cut-inside-an-entry": ("ledger.truncated", {**FILES, FIRST: FILES[FIRST][:-10]}),
    "bytes-after-the-last-entry": ("ledger.bundle", {**FILES, FIRST: FILES[FIRST] + b"\0"}),
    "one-entry-too-many": ("ledger.bundle", entries(LAST, lambda e: [*e, header_of(600)])),
    "bundle-missing": ("ledger.missing", without(FIRST)),
    "public-body-altered": ("ledger.public_body", {**FILES, "tile/public/000": PUBLIC.replace(b"b", b"B", 1)}),
    "public-bodies-cut": ("ledger.truncated", {**FILES, "tile/public/000": PUBLIC[:-1]}),
    "leaf-tile-altered": ("ledger.tile", {**FILES, "tile/0/000": bytes(32) + FILES["tile/0/000"][32:]}),
    "leaf-tile-missing": ("ledger.missing", without("tile/0/001")),
    "leaf-tile-cut": ("ledger.tile", {**FILES, "tile/0/001": FILES["tile/0/001"][:-1]}),
    "last-leaf-tile-altered": ("ledger.root", {**FILES, "tile/0/002.p/88": bytes(88 * 32)}),
    "upper-tile-altered": ("ledger.root", {**FILES, "tile/1/000.p/2": bytes(64)}),
    "no-checkpoint": ("ledger.missing", without("checkpoint")),
    "checkpoint-unreadable": ("ledger.checkpoint", {**FILES, "checkpoint": b"\xff"}),
    "checkpoint-altered": ("note.signature", with_checkpoint(LOG.note().replace("600", "601"))),
    "checkpoint-of-a-stranger": ("note.unknown_key", with_checkpoint(LOG.checkpoint().sign(STRANGER))),
    "checkpoint-of-another-log": (
        "checkpoint.origin",
        with_checkpoint(sign_note(EMPTY_LOG_OF_ANOTHER, ORIGIN, SIGNING_KEY)),
    ),
    "checkpoint-of-another-root": ("ledger.root", with_checkpoint(checkpoint_of(bytes(32)).sign(SIGNING_KEY))),
}


@pytest.mark.parametrize("name", HOSTS_FAULTS)
def test_what_the_host_did_to_its_files_is_named(name: str) -> None:
    code, files = HOSTS_FAULTS[name]
    assert code_of(files) == code


def log_with(seq: int, leaf: bytes) -> dict[str, bytes]:
    return Log.of([leaf if i == seq else header_of(i) for i in range(300)]).files()


WRITERS_FAULTS = {
    "wrong-seq": ("ledger.seq", log_with(280, header_of(281))),
    "time-backwards": ("ledger.time", log_with(280, header_of(280, time=START))),
    "time-backwards-across-bundles": ("ledger.time", log_with(256, header_of(256, time=START))),
    "term-backwards": ("ledger.term", log_with(280, header_of(280, term=0))),
    "no-header": ("ledger.header", log_with(280, b"no header")),
}


@pytest.mark.parametrize("name", WRITERS_FAULTS)
def test_what_the_writer_of_the_log_did_is_named(name: str) -> None:
    code, files = WRITERS_FAULTS[name]
    assert code_of(files) == code


def test_an_upper_tile_that_misleads_only_those_who_use_it() -> None:
    files = Log.make(65_536 + 300).files()
    assert code_of({**files, "tile/2/000.p/1": bytes(32)}) == "ledger.tile"


def test_rolled_back() -> None:
    assert code_of(FILES, Log.make(SIZE + 1).checkpoint()) == "ledger.rollback"


@pytest.mark.parametrize("size", [1, 300, 599, 600])
def test_forked(size: int) -> None:
    other = Log.of([header_of(0, term=0), *LOG.leaves[1:]])
    assert code_of(FILES, other.checkpoint(size)) == "ledger.fork"


def test_the_earlier_checkpoint_is_of_this_log() -> None:
    assert code_of(FILES, Checkpoint(origin="other", tree_size=1, root_hash=LOG.tree.root(1))) == "checkpoint.origin"


def test_public_bodies_may_be_empty() -> None:
    assert public_of(1) == b""
