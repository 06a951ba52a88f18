"""Between the waiting HTTP calls, the enclave and the disk: who gets which message of the link (spec/link.md).

Order is the point. What the enclave asks to keep is written in the order it asked, and acknowledged only when it is on
the disk; a reply goes out only with the Publish that releases it, after the checkpoint is public. The host decides
nothing else: a message out of order, a gap in the log or a checkpoint of another log ends it (`Broken`).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from tobari.base.errors import Broken, TobariError, Unavailable, from_status
from tobari.base.messages import link
from tobari.host.config import Limits
from tobari.host.journal import Journal
from tobari.host.link import Link
from tobari.host.objects import ObjectStore
from tobari.host.published import Published, PublishedLog
from tobari.host.reader import LogReader

_log = logging.getLogger("tobari.host")

_FETCHES = 4
"""Objects sent to the enclave at the same time."""
_MAX_FETCHES = 256
"""Fetches the enclave may have asked for and not got."""
_MAX_BACKLOG = 32 << 20
"""Bytes that wait for the enclave to read, before calls are refused: callers that gave up have left theirs here."""
_WRITES = 8
"""Messages that may wait for the disk; then the host stops reading from the enclave."""
_MAX_SNAPSHOT = link.MAX_FRAME - (4 << 20)
"""Bytes of a snapshot that still fits the Boot frame; without one the whole log is replayed."""
_KEEP_SECONDS = 1.0
"""How much later than its publication a checkpoint is written: losing one loses nothing."""


class EnclaveGone(Exception):
    """The enclave process ended, or its stream did, without Stopped."""


class EnclaveHalted(Exception):
    """The enclave refuses to go on; code and message are its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Answered(NamedTuple):
    """A sealed response, and the checkpoint that covers what it speaks of."""

    response: bytes
    published: Published


class Relay:
    """One run of one enclave. `run` is its life; the other methods are for the HTTP side, in the same event loop."""

    def __init__(
        self,
        *,
        to_enclave: Link,
        journal: Journal,
        reader: LogReader,
        objects: ObjectStore,
        log: PublishedLog,
        limits: Limits,
        on_ready: Callable[[link.Ready], None],
    ) -> None:
        self._link = to_enclave
        self._journal = journal
        self._reader = reader
        self._objects = objects
        self._log = log
        self._limits = limits
        self._on_ready = on_ready
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._writes: asyncio.Queue[link.Append | link.StoreSealed | link.StoreSnapshot] = asyncio.Queue(_WRITES)
        self._sending: set[asyncio.Task[None]] = set()
        self._fetching = asyncio.Semaphore(_FETCHES)
        self._checkpoint_waits = asyncio.Event()
        self._replayed = False
        self._live = False
        self.ready: link.Ready | None = None
        """What the enclave said when it began to take calls; None before, and again when it is stopping or gone."""

    # --- for the HTTP side ---------------------------------------------------------------------------------------

    async def call(self, envelope: bytes) -> Answered:
        """Hand a sealed envelope to the enclave and wait for its reply.

        Raises:
            Unavailable: `host.not_ready`, `host.busy`, `host.timeout`, `host.enclave_gone`.
            TobariError: the enclave's Refusal, with its status and code.
        """
        answered: Answered = await self._ask(lambda number: link.Call(request=number, envelope=envelope))
        return answered

    async def attest(self, nonce: bytes) -> bytes:
        """Evidence for that nonce; raises as `call` does."""
        evidence: bytes = await self._ask(lambda number: link.Attest(request=number, nonce=nonce))
        return evidence

    @property
    def waiting(self) -> int:
        """Calls and evidence requests that the enclave has not answered yet."""
        return len(self._waiting)

    def stop(self) -> None:
        """Take no more calls; `run` returns when the enclave has finished."""
        self.ready = None
        self._link.send(link.Stop())

    async def _ask(self, message: Callable[[int], link.ToEnclave]) -> Any:
        if self.ready is None:
            raise Unavailable("host.not_ready", "The service is starting or stopping; try again shortly.")
        if len(self._waiting) >= self._limits.pending or self._link.backlog > _MAX_BACKLOG:
            raise Unavailable("host.busy", "Too many calls wait for the enclave; try again shortly.")
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._link.send(message(number))
            async with asyncio.timeout(self._limits.call_seconds):
                return await future
        except TimeoutError:
            raise Unavailable(
                "host.timeout", "The enclave has not answered in time; ask for the status of the command by its id."
            ) from None
        finally:
            del self._waiting[number]

    # --- the life of an enclave ----------------------------------------------------------------------------------

    async def run(self, genesis: bytes) -> None:
        """Boot the enclave and serve it. Returns after Stopped, when everything it asked to keep is kept.

        Raises:
            EnclaveHalted, EnclaveGone: it ended by itself.
            Broken: the disk failed (`store.*`), or the enclave broke the rules of the link.
            Malformed, TooLarge: what it said is no message.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(work) for work in (self._link.pump(), self._write(), self._keep_checkpoint())
                ]
                await self._boot(genesis)
                await self._listen(tasks)
                await self._writes.join()
                if self._checkpoint_waits.is_set():
                    await self._journal.put_checkpoint(self._log.newest)
                for task in (*background, *self._sending):
                    task.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self.ready = None
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(_gone())

    async def _boot(self, genesis: bytes) -> None:
        kept = await self._journal.kept()
        self._log_size = kept.log_size
        fits = kept.snapshot is not None and len(kept.snapshot) <= _MAX_SNAPSHOT
        self._link.send(
            link.Boot(
                genesis=genesis,
                sealed=kept.sealed,
                snapshot=kept.snapshot if fits else None,
                checkpoint=kept.checkpoint,
                log_size=kept.log_size,
            )
        )

    async def _listen(self, tasks: asyncio.TaskGroup) -> None:
        async for message in self._link.messages():
            match message:
                case link.Append() | link.StoreSealed() | link.StoreSnapshot():
                    self._require(self._live or not isinstance(message, link.Append))
                    await self._writes.put(message)
                case link.Publish():
                    self._publish(message)
                case link.Evidence():
                    self._answer(message.request, message.evidence)
                case link.Refusal():
                    self._refuse(message)
                case link.FetchObject():
                    self._require(len(self._sending) < _MAX_FETCHES)
                    self._start(tasks, self._send_object(message))
                case link.ReplayFrom():
                    self._require(not self._replayed and 0 <= message.first <= self._log_size)
                    self._replayed = True
                    self._start(tasks, self._replay(message.first))
                case link.Ready():
                    self._require(self._live and self.ready is None)
                    self.ready = message
                    self._on_ready(message)
                case link.Halt():
                    raise EnclaveHalted(message.code, message.message)
                case link.Stopped():
                    return
        raise EnclaveGone

    def _start(self, tasks: asyncio.TaskGroup, sending: Coroutine[Any, Any, None]) -> None:
        task = tasks.create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _replay(self, first: int) -> None:
        while first < self._log_size:
            entries = await self._reader.replay(first, self._log_size)
            await self._link.deliver(link.Replay(first=first, entries=entries))
            first += len(entries)
        self._live = True
        self._link.send(link.Live())

    async def _write(self) -> None:
        while True:
            message = await self._writes.get()
            match message:
                case link.StoreSealed():
                    await self._journal.put_sealed(message.sealed)
                case link.StoreSnapshot():
                    await self._journal.put_snapshot(message.tree_size, message.snapshot)
                case link.Append():
                    await self._journal.append(message.first, message.entries)
                    self._log.extend(entry.header for entry in message.entries)
                    self._link.send(link.Appended(batch=message.batch))
            self._writes.task_done()

    async def _keep_checkpoint(self) -> None:
        while True:
            await self._checkpoint_waits.wait()
            await asyncio.sleep(_KEEP_SECONDS)
            self._checkpoint_waits.clear()
            await self._journal.put_checkpoint(self._log.newest)

    async def _send_object(self, wanted: link.FetchObject) -> None:
        async with self._fetching:
            for index in range(wanted.first, wanted.first + wanted.count):
                try:
                    data = await asyncio.to_thread(self._objects.chunk, wanted.root, index)
                except OSError:
                    _log.error("host.object_read: an object could not be read; look at the disk")
                    data = None
                if data is None:
                    await self._link.deliver(link.ObjectMissing(fetch=wanted.fetch))
                    return
                await self._link.deliver(link.ObjectPart(fetch=wanted.fetch, index=index, data=data))

    # --- replies -------------------------------------------------------------------------------------------------

    def _publish(self, message: link.Publish) -> None:
        published = self._log.publish(message.checkpoint)
        self._checkpoint_waits.set()
        for reply in message.replies:
            self._answer(reply.request, Answered(reply.response, published))

    def _refuse(self, refusal: link.Refusal) -> None:
        future = self._waiting.get(refusal.request)
        if future is not None and not future.done():
            future.set_exception(from_status(refusal.status, refusal.code, refusal.message))

    def _answer(self, number: int, value: object) -> None:
        # A call that was given up is no longer there.
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_result(value)

    def _require(self, in_order: bool) -> None:
        if not in_order:
            raise Broken("host.link_order", "The enclave spoke out of turn; start the host again.")


def _gone() -> TobariError:
    return Unavailable(
        "host.enclave_gone", "The enclave ended before it answered; ask for the status of the command by its id."
    )
