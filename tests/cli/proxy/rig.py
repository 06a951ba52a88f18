"""The proxy over a service in memory, called in memory."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.tools.service import URL, MemoryService
from tobari.cli.proxy.interface import build_app
from tobari.client.session import AsyncSession
from tobari.client.trust import TrustStore

TOKEN = "a token of the test"
PORT = 8430
HEADERS = {"authorization": f"Bearer {TOKEN}"}


class Rig:
    service: MemoryService
    session: AsyncSession
    http: httpx2.AsyncClient

    async def call(self, program: str, command: str, **args: Any) -> httpx2.Response:
        return await self.http.post(f"/v1/{program}/{command}", json=args)


@asynccontextmanager
async def rig(folder: pathlib.Path, *, member: str | None = "bank") -> AsyncIterator[Rig]:
    it = Rig()
    it.service = MemoryService().boot()
    key = None if member is None else it.service.keys[member]
    it.session = await AsyncSession.connect(
        URL,
        policy=it.service.policy,
        key=key,
        trust=TrustStore(folder / "trust"),
        transport=it.service.async_transport,
    )
    app = build_app(it.session, key, token=TOKEN, port=PORT)
    async with (
        it.session,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url=f"http://127.0.0.1:{PORT}", headers=HEADERS
        ) as it.http,
    ):
        yield it
