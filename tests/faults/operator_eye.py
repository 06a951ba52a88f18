"""The operator's eye: all that whoever runs the host can look at, searched for what must not be there.

    with operators_eye(service, canaries=[...]) as eye:
        session = service.session("bank", url=eye.url)

Sessions go through `eye.url`, where every byte of both directions is kept. Meanwhile snapshots are taken: the host's
memory (all that is readable of it, while the process stands still; the stream to the enclave passes through it), its
data directory with the WAL, its temporary folder, its log, and the traffic. At the end at least `snapshots` were
taken, some of them after the load, and none may show a canary.

First of all the eye is tested: a control canary is sent in the open, as a header field and as the bytes of an object
that nobody sealed, and must be found in memory, on the disk and in the traffic.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from tests.faults import canaries
from tests.faults.canaries import Canary
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.cli.demo.tap import Tap

PIECE = 1 << 18
"""Bytes searched at a time, so that they stay in the processor's cache."""
_BITS = 20
EVERY = 0.25
"""Seconds between two snapshots during the load."""
CONTROL_SECONDS = 10.0

BLIND = (
    "On the platform `virtual` the machine's root can read the enclave's memory, which this eye leaves out: only "
    "hardware closes that. It does not see what somebody encrypts, compresses or encodes on purpose, nor sizes, times "
    "and numbers of messages, which the operator does see."
)


class Watched(Protocol):
    """What the eye needs to know of a service."""

    @property
    def pid(self) -> int: ...
    @property
    def port(self) -> int: ...
    @property
    def enclave(self) -> int: ...

    folder: Path
    data: Path
    temporary: Path
    log: Path


class Seen(AssertionError):
    """A canary was seen; where."""


class Search:
    """Looks for all spellings at once: only where four bytes could begin one of them, it looks more closely."""

    def __init__(self, wanted: Iterable[Canary]) -> None:
        self._name = {spelling: canary.name for canary in wanted for spelling in canary.spellings}
        self._spellings = tuple(self._name)
        self._begins = np.zeros(1 << _BITS, dtype=bool)
        self._begins[_marks(np.frombuffer(b"".join(spelling[:4] for spelling in self._spellings), "<u4"))] = True
        self.bytes_read = 0
        self.found: dict[str, set[str]] = {}
        """Places by canary."""

    def look(self, data: bytes, place: str) -> None:
        self.bytes_read += len(data)
        for at in self._candidates(data):
            if data.startswith(self._spellings, at):
                for spelling, name in self._name.items():
                    if data.startswith(spelling, at):
                        self.found.setdefault(name, set()).add(place)

    def _candidates(self, data: bytes) -> Iterator[int]:
        for first in range(0, len(data), PIECE):
            for at in range(first, min(first + 4, len(data) - 3)):
                count = min(PIECE // 4, (len(data) - at) // 4)
                words = np.frombuffer(data, "<u4", count=count, offset=at)
                yield from (at + 4 * int(hit) for hit in np.flatnonzero(self._begins[_marks(words)]))


def _marks(words: np.ndarray) -> np.ndarray:
    return (words * np.uint32(0x9E3779B1)) >> np.uint32(32 - _BITS)


class Eye:
    def __init__(self, service: Watched, tap: Tap, traffic: Path, wanted: Iterable[Canary]) -> None:
        self._service = service
        self._tap = tap
        self._traffic = traffic
        self._canaries = tuple(wanted)
        self._search = Search(self._canaries)
        self._lock = threading.Lock()
        self.snapshots = 0
        self._root: set[str] | None = None

    @property
    def url(self) -> str:
        """Where clients connect, instead of to the service itself."""
        return self._tap.url

    def snapshot(self) -> None:
        """Look at everything once."""
        with self._lock:
            self._look(self._search)
            self.snapshots += 1

    def check(self) -> None:
        """
        Raises:
            Seen: a canary, and where.
        """
        if self._search.found:
            raise Seen(f"the operator sees: { {name: sorted(at) for name, at in self._search.found.items()} }")

    def lines(self) -> list[str]:
        """What was looked at and what not, in words."""
        spellings = sum(len(canary.spellings) for canary in self._canaries)
        looked = (
            f"{self.snapshots} snapshots of the host's memory, disk, traffic and log, during and after load: "
            f"{self._search.bytes_read >> 20} MiB searched for {len(self._canaries)} canaries in {spellings} "
            "spellings, none found. A control canary, sent in the open, was found in memory, on the disk and in the "
            "traffic."
        )
        lines = ["## The operator's eye", "", looked, "", f"What it cannot see: {BLIND}"]
        if self._root is not None:
            lines[-1] += f" (Looked at once, as root: {len(self._root)} of the canaries stood in the enclave's memory.)"
        return [*lines, "", "Planted:", "", *(f"- {canary.name}" for canary in self._canaries)]

    def look_as_root(self) -> set[str] | None:
        """The canaries in the enclave's own memory, where some must be; None if we may not look."""
        search = Search(self._canaries)
        try:
            for place, data in memory(self._service.enclave):
                search.look(data, place)
        except PermissionError:
            return None
        self._root = set(search.found)
        return self._root

    def expect_control(self) -> None:
        """See what is sent in the open.

        Raises:
            AssertionError: the eye is blind somewhere.
        """
        token = os.urandom(24).hex()
        search = Search([canaries.text("control", token)])
        opened = f"PUT /v1/objects/{os.urandom(32).hex()} HTTP/1.1\r\nHost: here\r\nX-Control: {token}\r\n"
        head = opened + f"Content-Type: application/octet-stream\r\nContent-Length: {2 * SEALED_CHUNK}\r\n\r\n"
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + (token.encode() * SEALED_CHUNK)[: SEALED_CHUNK + 4096])
            deadline = time.monotonic() + CONTROL_SECONDS
            while (seen := {place.split(":")[0] for place in search.found.get("control", ())}) < {
                "memory",
                "disk",
                "traffic",
            }:
                assert time.monotonic() < deadline, f"the eye is blind: it sees the control only in {sorted(seen)}"
                self._look(search)

    def _look(self, search: Search) -> None:
        for place, data in _standing_still(self._service.pid):
            search.look(data, f"memory: {place}")
        for what, folder in (
            ("disk", self._service.data),
            ("disk", self._service.temporary),
            ("traffic", self._traffic),
        ):
            for path in sorted(folder.rglob("*")):
                search.look(str(path.relative_to(folder)).encode(), f"{what}: a name")
                with contextlib.suppress(FileNotFoundError):
                    if path.is_file():
                        search.look(path.read_bytes(), f"{what}: {path.relative_to(folder)}")
        if self._service.log.exists():
            search.look(self._service.log.read_bytes(), "log")


@contextlib.contextmanager
def operators_eye(service: Watched, *, canaries: Iterable[Canary], snapshots: int = 20) -> Iterator[Eye]:
    """Watch a running service; see the module.

    Raises:
        Seen: a canary was seen by the end.
        AssertionError: the eye did not see its control.
    """
    traffic = service.folder / "traffic"
    with Tap(traffic) as tap:
        tap.relay_to("127.0.0.1", service.port)
        eye = Eye(service, tap, traffic, canaries)
        eye.expect_control()
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(eye, over))
        watcher.start()
        try:
            yield eye
        finally:
            over.set()
            watcher.join()
        # After the load, too: what was freed is overwritten only by and by.
        for _ in range(max(2, snapshots - eye.snapshots)):
            eye.snapshot()
        eye.look_as_root()
        eye.check()
        print("\n".join(eye.lines()))


def memory(pid: int) -> Iterator[tuple[str, bytes]]:
    """All readable mappings of a process (proc(5)), by name.

    Raises:
        PermissionError: the kernel does not let us.
    """
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps:
        lines = [line.split(maxsplit=5) for line in maps]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for span, mode, _, _, _, *name in lines:
            label = name[0].strip() if name else "anonymous"
            # [vvar] and [vsyscall] are the kernel's own, the same in every process.
            if mode[0] != "r" or label.startswith("[v"):
                continue
            start, _, end = span.partition("-")
            at, stop = int(start, 16), int(end, 16)
            pieces = []
            with contextlib.suppress(OSError):  # behind the end of a mapped file there is nothing
                file.seek(at)
                while at < stop and (piece := file.read(stop - at)):
                    pieces.append(piece)
                    at += len(piece)
            yield label, b"".join(pieces)


def _standing_still(pid: int) -> list[tuple[str, bytes]]:
    """The memory of a process at one moment."""
    os.kill(pid, signal.SIGSTOP)
    try:
        return list(memory(pid))
    finally:
        os.kill(pid, signal.SIGCONT)


def _watch(eye: Eye, over: threading.Event) -> None:
    while not over.wait(EVERY):
        eye.snapshot()
