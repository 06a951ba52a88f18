"""A running service, a trust store, and sessions with it."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.tools.service import URL, MemoryService
from tobari.client import objects, protocol
from tobari.client.session import Session
from tobari.client.trust import TrustStore


@pytest.fixture
def service() -> MemoryService:
    return MemoryService().boot()


@pytest.fixture
def trust(tmp_path: pathlib.Path) -> TrustStore:
    return TrustStore(tmp_path / "checkpoints")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once."""
    monkeypatch.setattr(protocol, "PAUSES", (0.001,) * len(protocol.PAUSES))
    monkeypatch.setattr(objects, "PAUSES", (0.001,) * len(objects.PAUSES))


@pytest.fixture
def connect(service: MemoryService, trust: TrustStore) -> Iterator[Any]:
    """Opens sessions of a member; they share one trust store."""
    opened: list[Session] = []

    def open_session(name: str = "bank", **other: Any) -> Session:
        given = {"policy": service.policy, "key": service.keys[name], "trust": trust, "transport": service.transport}
        opened.append(Session.connect(URL, **{**given, **other}))
        return opened[-1]

    yield open_session
    for session in opened:
        session.close()


@pytest.fixture
def session(connect: Any) -> Session:
    return connect()
