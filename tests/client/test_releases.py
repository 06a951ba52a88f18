"""A release is held against the log: whatever of it differs from what everybody sees is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.tools.logs import KEY, START, Log, header_of
from tobari.base import cbor
from tobari.base.errors import Malformed, Untrusted
from tobari.client.flow import Blocking, Response
from tobari.client.history import History
from tobari.client.releases import verify_release
from tobari.client.trust import Seen, TrustStore
from tobari.ledger.disclosure import commit
from tobari.ledger.entry import public_digest

SERVICE = bytes(32)
ENTRY = 300
RESULT = {"columns": ["sex", "days"], "types": ["text", "real"], "rows": [["f", 1.5], ["m", None]]}
RELEASE: dict[str, Any] = {
    "id": bytes(32),
    "by": "ana",
    "recipients": ["ana"],
    "datasets": [b"d" * 16, b"e" * 16],
    "terms": [b"t" * 32, b"u" * 32],
    "query": b"q" * 32,
    "result_digest": hashlib.sha256(cbor.encode(RESULT)).digest(),
    "result": RESULT,
    "salt": b"s" * 32,
    "time": START,
    "entry": ENTRY,
}


def shown(**changes: Any) -> bytes:
    """The public body that an honest service writes."""
    release = {**RELEASE, **changes}
    salt = release["salt"]
    disclosed = {
        "act": "release",
        "datasets": release["datasets"],
        "terms": [commit(digest, name="terms", salt=salt) for digest in release["terms"]],
        "query": commit(release["query"], name="query", salt=salt),
        "result": commit(release["result_digest"], name="result", salt=salt),
    }
    return cbor.encode({"type": "entry", "program": "room", "writes": [], "disclosed": disclosed})


class Held:
    """A log of 310 entries, one of which is the release's, and a client that has seen its checkpoint."""

    def __init__(self, trust: TrustStore, body: bytes, *, seen: int = 310) -> None:
        leaves = [header_of(seq) for seq in range(310)]
        leaves[ENTRY] = header_of(ENTRY, public=public_digest(body))
        log = Log.of(leaves)
        log.public[ENTRY] = body
        self.files = Log(leaves=leaves[:seen], public=log.public[:seen], tree=Log.of(leaves[:seen]).tree).files()
        known = Seen(checkpoint=log.checkpoint(seen), note=log.note(seen), seen_at=START)
        assert trust.replace(SERVICE, known, expected=None, key=KEY)
        self.history = History(trust=trust, service=SERVICE, key=KEY, now=lambda: START)

    def verify(self, release: dict[str, Any]) -> int:
        flow = verify_release(release, history=self.history)
        effect = next(flow)
        while True:
            try:
                effect = flow.send(effect.call() if isinstance(effect, Blocking) else self.answer(effect.path))
            except StopIteration as stop:
                return int(stop.value)

    def answer(self, path: str) -> Response:
        data = self.files.get(path.removeprefix("/v1/ledger/"))
        return Response(status=404 if data is None else 200, media_type="", body=data or b"")


def test_a_release_that_the_log_commits_to(trust):
    assert Held(trust, shown()).verify(RELEASE) == ENTRY


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "another-result": ({"result": {**RESULT, "rows": []}}, "release.result"),
    "another-result-and-digest": (
        {"result": None, "result_digest": hashlib.sha256(cbor.encode(None)).digest()},
        "release.commitment",
    ),
    "another-query": ({"query": bytes(32)}, "release.commitment"),
    "other-terms": ({"terms": [b"t" * 32, b"v" * 32]}, "release.commitment"),
    "fewer-terms": ({"terms": [b"t" * 32]}, "release.commitment"),
    "terms-swapped": ({"terms": [b"u" * 32, b"t" * 32]}, "release.commitment"),
    "another-salt": ({"salt": bytes(32)}, "release.commitment"),
    "another-dataset": ({"datasets": [b"d" * 16]}, "release.datasets"),
    "another-entry": ({"entry": 3}, "release.datasets"),
    "an-entry-to-come": ({"entry": 310}, "release.entry"),
}


@pytest.mark.parametrize(("changes", "code"), OTHERS.values(), ids=OTHERS)
def test_a_release_that_differs_from_what_the_log_shows(trust, changes, code):
    with pytest.raises(Untrusted) as caught:
        Held(trust, shown()).verify({**RELEASE, **changes})
    assert caught.value.code == code


@pytest.mark.parametrize("changes", [{"entry": -1}, {"salt": b""}, {"terms": None}])
def test_what_is_no_release(trust, changes):
    with pytest.raises(Malformed):
        Held(trust, shown()).verify({**RELEASE, **changes})


@pytest.mark.parametrize("body", [b"", b"\xff", cbor.encode([]), cbor.encode({"disclosed": {"act": "withdraw"}})])
def test_an_entry_that_shows_no_release(trust, body):
    with pytest.raises(Untrusted) as caught:
        Held(trust, body).verify(RELEASE)
    assert caught.value.code == "release.datasets"


@pytest.mark.parametrize(
    ("kind", "code"), [("entries", "release.entry"), ("public", "release.public"), ("0", "release.entry")]
)
@pytest.mark.parametrize("how", ["missing", "altered", "cut"])
def test_files_that_the_host_spoils(trust, kind, code, how):
    held = Held(trust, shown())
    (name,) = (path for path in held.files if path.startswith(f"tile/{kind}/001"))
    match how:
        case "missing":
            del held.files[name]
        case "altered":
            spoilt = bytearray(held.files[name])
            marks = {"public": b"release", "entries": public_digest(shown()), "0": b""}
            spoilt[held.files[name].find(marks[kind])] ^= 1
            held.files[name] = bytes(spoilt)
        case "cut":
            held.files[name] = held.files[name][:9]
    with pytest.raises(Untrusted) as caught:
        held.verify(RELEASE)
    assert caught.value.code == code


def test_an_entry_beyond_the_checkpoint_that_was_verified(trust):
    with pytest.raises(Untrusted) as caught:
        Held(trust, shown(), seen=ENTRY).verify(RELEASE)
    assert caught.value.code == "release.entry"
