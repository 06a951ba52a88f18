"""The operator's eye, short: it sees what is in the open, and nothing of what is sealed."""

from __future__ import annotations

import base64
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.faults import canaries, planted
from tests.faults.canaries import Canary
from tests.faults.operator_eye import BLIND, PIECE, Search, Seen, operators_eye
from tests.faults.service import Service

SNAPSHOTS = 12


@pytest.fixture
def scene() -> planted.Scene:
    return planted.Scene()


@pytest.fixture
def service(tmp_path: Path, scene: planted.Scene) -> Iterator[Service]:
    with Service(tmp_path / "service", keys=scene.keys) as it:
        it.start()
        yield it


def test_the_operator_sees_nothing(service: Service, scene: planted.Scene, capsys: pytest.CaptureFixture[str]) -> None:
    with operators_eye(service, canaries=scene.canaries, snapshots=SNAPSHOTS) as eye:
        scene.play(service, eye, rounds=5)
    assert eye.snapshots >= SNAPSHOTS
    assert BLIND in capsys.readouterr().out
    # The same search finds them where they are: it is the curtain that hides them, not the search.
    as_root = eye.look_as_root()
    assert as_root is None or {"the key of the object", "the purpose in the data terms"} <= as_root


def test_the_eye_sees_what_slips_out(service: Service, scene: planted.Scene) -> None:
    token = secrets.token_hex(16)
    with (
        pytest.raises(Seen, match=r"slip.*traffic"),
        operators_eye(service, canaries=[canaries.text("slip", token)], snapshots=1) as eye,
    ):
        httpx2.get(f"{eye.url}/healthz", headers={"x-slip": token})


def test_the_eye_is_tested_first(
    service: Service, scene: planted.Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.faults.operator_eye.CONTROL_SECONDS", 1.0)
    service.data = tmp_path / "elsewhere"
    service.data.mkdir()
    with pytest.raises(AssertionError, match="blind"), operators_eye(service, canaries=scene.canaries):
        pass


KEY = bytes(range(200, 232))
AMOUNT = 0x1FEDCBA98765


@pytest.mark.parametrize(
    ("canary", "spelled"),
    [
        (canaries.key("k", KEY), KEY),
        (canaries.key("k", KEY), KEY.hex().encode()),
        (canaries.key("k", KEY), KEY.hex().upper().encode()),
        *((canaries.key("k", KEY), base64.b64encode(b"x" * n + KEY + b"y")) for n in range(3)),
        *((canaries.key("k", KEY), base64.urlsafe_b64encode(b"x" * n + KEY + b"yy")) for n in range(3)),
        *((canaries.text("t", "a secret text"), "a secret text".encode(e)) for e in ("utf-8", "utf-16", "utf-16-be")),
        *((canaries.text("t", "a secret text"), base64.b64encode(b"x" * n + b"a secret text!")) for n in range(3)),
        (canaries.number("n", AMOUNT), b'{"amount": %d}' % AMOUNT),
        (canaries.number("n", AMOUNT), b"\x1b" + AMOUNT.to_bytes(8, "big")),
        (canaries.number("n", AMOUNT), AMOUNT.to_bytes(8, "little")),
        (canaries.number("n", AMOUNT), struct.pack(">d", AMOUNT)),
        (canaries.number("n", AMOUNT), struct.pack("<2I", AMOUNT & (1 << 30) - 1, AMOUNT >> 30)),
    ],
)
@pytest.mark.parametrize("before", [0, 3, PIECE - 7])
def test_every_spelling_is_found(canary: Canary, spelled: bytes, before: int) -> None:
    search = Search([canary])
    search.look(bytes(before) + b"something else", "before")
    assert not search.found
    search.look(bytes(before) + spelled + b"something else", "there")
    assert search.found == {canary.name: {"there"}}
