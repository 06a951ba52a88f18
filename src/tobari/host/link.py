"""The stream to the enclave process (spec/link.md): its start, and frames over its socket.

The enclave inherits two descriptors: its end of a socket pair, and the virtual platform's root secret, which the host
opened and never reads. It gets no environment and no standard input, and what it prints goes to standard error. What
the frames mean is relay.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import AsyncIterator

from tobari.base.errors import Unavailable
from tobari.base.messages import link
from tobari.host.config import HostConfig
from tobari.host.datadir import DataDirectory

_STDERR = 2
_READ = 1 << 18
_WAITING = 4 << 20
"""Bytes that may wait here for the enclave to read, before `deliver` waits too."""


class Link:
    """Frames over one connected stream socket. Takes the socket over.

    Reading and writing fail apart: when the enclave halts and closes while the host still writes, the Halt that it
    sent first is read all the same. A broken writing side shows as the end of `messages`.
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._queued = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._broken = False

    @property
    def backlog(self) -> int:
        """Bytes that the enclave has not read yet."""
        return self._size

    def send(self, message: link.ToEnclave) -> None:
        """Queue a frame; its kind must be bounded in number by something else."""
        if self._broken:
            return
        frame = link.encode(message)
        self._frames.append(frame)
        self._size += len(frame)
        self._queued.set()
        if self._size > _WAITING:
            self._room.clear()

    async def deliver(self, message: link.ToEnclave) -> None:
        """Queue a frame when the enclave has read what went before (back-pressure for bulk)."""
        await self._room.wait()
        self.send(message)

    async def pump(self) -> None:
        """Write what is queued, for as long as the enclave reads."""
        loop = asyncio.get_running_loop()
        try:
            while await self._queued.wait():
                while self._frames:
                    await loop.sock_sendall(self._socket, self._frames[0])
                    self._size -= len(self._frames.popleft())
                    if self._size <= _WAITING:
                        self._room.set()
                self._queued.clear()
        except OSError:
            self._broken = True
            self._frames.clear()
            self._size = 0
            self._room.set()

    async def messages(self) -> AsyncIterator[link.ToHost]:
        """What the enclave says, until the stream ends.

        Raises:
            Malformed, TooLarge: what arrived is no message, or the stream ended inside one.
        """
        loop = asyncio.get_running_loop()
        frames = link.FrameReader(link.ToHost)
        while True:
            try:
                data = await loop.sock_recv(self._socket, _READ)
            except ConnectionError:
                return
            if not data:
                break
            for message in frames.feed(data):
                yield message
        frames.close()

    def hang_up(self) -> None:
        """The enclave process has ended: what it said can still be read, and then `messages` ends.

        Without this the stream would stay open for as long as a child that the process left behind.
        """
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        self._socket.close()


async def start_enclave(config: HostConfig, directory: DataDirectory) -> tuple[Process, Link]:
    """Start the enclave process and join it to this one.

    Raises:
        Refused, NotFound: see `DataDirectory.open_root`.
        Unavailable: `host.enclave_start`, its program cannot be run.
    """
    root = directory.open_root(config.virtual_root_path)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with theirs:
            process = await _spawn(config.enclave_command, theirs.fileno(), root)
    except OSError as error:
        ours.close()
        raise Unavailable("host.enclave_start", f"The enclave cannot be started: {error.strerror}.") from None
    finally:
        os.close(root)
    return process, Link(ours)


async def _spawn(command: tuple[str, ...], end: int, root: int) -> Process:
    return await asyncio.create_subprocess_exec(
        *command,
        *("--link-fd", str(end), "--platform", "virtual", "--root-fd", str(root)),
        stdin=DEVNULL,
        stdout=_STDERR,
        pass_fds=(end, root),
        # Nothing of the operator's environment; Python itself only needs to know that text is UTF-8.
        env={"LC_ALL": "C.UTF-8"},
        # Ctrl-C in a terminal reaches the host alone: it stops the enclave in good order.
        start_new_session=True,
    )


async def end_enclave(process: Process) -> None:
    """Wait for the process whose link was closed, then end it and its workers by force."""
    try:
        await asyncio.wait_for(process.wait(), 2.0)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
