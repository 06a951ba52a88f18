"""A host around a fake enclave in one process, with its HTTP side called in memory."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from tests.host.fake_enclave import Fake
from tobari.base.messages.relay import ENVELOPE_TYPE
from tobari.host.config import Limits
from tobari.host.datadir import DataDirectory
from tobari.host.http import build_app
from tobari.host.journal import Journal
from tobari.host.link import Link
from tobari.host.objects import ObjectStore
from tobari.host.published import PublishedLog
from tobari.host.reader import LogReader
from tobari.host.relay import Relay
from tobari.host.serve import _load

SMALL = Limits(reserve_bytes=0)


class Rig:
    """What a test may look at."""

    fake: Fake
    relay: Relay
    journal: Journal
    log: PublishedLog
    objects: ObjectStore
    life: asyncio.Task[None]
    http: httpx2.AsyncClient

    async def call(self, envelope: bytes, headers: dict[str, str] | None = None) -> httpx2.Response:
        kind = {"content-type": ENVELOPE_TYPE}
        return await self.http.post("/v1/call", content=envelope, headers=kind | (headers or {}))

    async def ready(self) -> None:
        for _ in range(500):
            if self.relay.ready is not None and self.log._newest is not None:
                return
            await asyncio.sleep(0.01)
        raise TimeoutError

    async def over(self) -> BaseException | None:
        """How the enclave's life ended."""
        await asyncio.wait({self.life}, timeout=5)
        return self.life.exception()


@asynccontextmanager
async def rig(path: Path, limits: Limits = SMALL, *, ready: bool = True) -> AsyncIterator[Rig]:
    """A running host on the data directory `path`."""
    it = Rig()
    with DataDirectory(path / "data") as directory:
        it.journal = await Journal.open(directory.log)
        reader = LogReader(directory.log)
        it.log = await _load(it.journal, reader)
        it.objects = ObjectStore(directory.objects, limits)
        ours, theirs = socket.socketpair()
        end = Link(ours)
        it.relay = Relay(
            to_enclave=end,
            journal=it.journal,
            reader=reader,
            objects=it.objects,
            log=it.log,
            limits=limits,
            on_ready=lambda _: None,
        )
        it.fake = Fake(theirs)
        peer = asyncio.create_task(it.fake.run())
        it.life = asyncio.create_task(it.relay.run(b"genesis"))
        app = build_app(relay=it.relay, log=it.log, reader=reader, objects=it.objects, limits=limits)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://host") as it.http:
            if ready:
                await it.ready()
            yield it
        it.life.cancel()
        await asyncio.wait({it.life})
        end.close()
        await peer
        await reader.close()
        await it.journal.close()
