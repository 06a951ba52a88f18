"""The stream between keeper and worker server: one datagram for each message, with the descriptors that belong to it.

Non-blocking at both ends: what the kernel does not take now waits here and goes out at the next `flush`.
"""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

from tobari.base import wire
from tobari.base.errors import Broken
from tobari.base.wire import Message
from tobari.enclave.workers.job import MAX_OBJECTS

MAX_DATAGRAM = 4096
_MAX_DESCRIPTORS = MAX_OBJECTS + 2


class Channel:
    """One end. Descriptors that are sent are closed here; those that arrive belong to the receiver."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._waiting: deque[tuple[bytes, tuple[int, ...]]] = deque()

    @staticmethod
    def pair() -> tuple[socket.socket, socket.socket]:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def is_waiting(self) -> bool:
        """Something is left for `flush`."""
        return bool(self._waiting)

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        self._waiting.append((wire.to_cbor(message), tuple(descriptors)))
        self.flush()

    def flush(self) -> None:
        """Hand over what waits.

        Raises:
            OSError: the other end is gone.
        """
        while self._waiting:
            data, descriptors = self._waiting[0]
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
            try:
                self._socket.sendmsg([data], [rights] if descriptors else [], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return
            self._waiting.popleft()
            for descriptor in descriptors:
                os.close(descriptor)

    def receive(self, kind: Any, *, wait: bool = False) -> tuple[Any, list[int]] | None:
        """The next message and its descriptors, or None if there is none now.

        Raises:
            EOFError: the other end closed.
            Broken: `worker.channel`, something that is no message.
        """
        how = socket.MSG_CMSG_CLOEXEC | (0 if wait else socket.MSG_DONTWAIT)
        room = socket.CMSG_SPACE(_MAX_DESCRIPTORS * array.array("i").itemsize)
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(MAX_DATAGRAM, room, how)
        except BlockingIOError:
            return None
        if not data:
            raise EOFError
        descriptors = array.array("i")
        for _, _, content in ancillary:
            descriptors.frombytes(content)
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise Broken("worker.channel", "The worker server and the keeper no longer understand each other: restart.")
        return wire.from_cbor(data, kind, max_bytes=MAX_DATAGRAM), list(descriptors)

    def close(self) -> None:
        for _, descriptors in self._waiting:
            for descriptor in descriptors:
                os.close(descriptor)
        self._waiting.clear()
        self._socket.close()
