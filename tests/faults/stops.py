"""Named stops: a process under test reports each step it reaches and waits for leave: a kill lands exactly there.

The harness holds a `Stops`, host launcher and relay a `Station` each. Reaching a stop is one round trip over a Unix
socket; where nobody waits, leave is given at once. Production code knows nothing of this.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

_GO = b"go\n"
_DROP = b"drop\n"


class Station:
    """The side of a process under test."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._file = self._socket.makefile("rwb")
        self._lock = threading.Lock()

    def reach(self, name: str) -> bool:
        """Wait for leave. False: what was about to be done must not be done. True also when the harness is gone."""
        with self._lock:
            try:
                self._file.write(name.encode() + b"\n")
                self._file.flush()
                return self._file.readline() != _DROP
            except OSError:
                return True


class Held:
    """A process that stands at the stop which was waited for. `let_go` in any case."""

    def __init__(self, file: socket.SocketIO) -> None:
        self._file = file
        self._gone = False

    def let_go(self, *, drop: bool = False) -> None:
        """Once; a second time does nothing."""
        if self._gone:
            return
        self._gone = True
        with contextlib.suppress(OSError, ValueError):  # it was killed, and its connection is closed
            self._file.write(_DROP if drop else _GO)


class Stops:
    """The harness's side: arm one name, wait until a process stands there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: set[str] = set()
        """Every stop reached so far, for a test that all names exist."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._lock = threading.Lock()
        self._armed: str | None = None
        self._skip = 0
        self._held: Held | None = None
        self._hit = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    @contextlib.contextmanager
    def at(self, name: str, *, skip: int = 0) -> Iterator[None]:
        """Hold the next process that reaches `name`, the first `skip` times excepted; `wait` for it inside."""
        with self._lock:
            self._hit.clear()
            self._armed, self._skip, self._held = name, skip, None
        try:
            yield
        finally:
            with self._lock:
                self._armed = None
                if self._held is not None:
                    self._held.let_go()

    def wait(self, seconds: float = 20.0) -> Held:
        if not self._hit.wait(seconds):
            raise TimeoutError(f"nothing reached the stop {self._armed} in {seconds} s")
        assert self._held is not None
        return self._held

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        names, leave = connection.makefile("rb"), socket.SocketIO(connection, "w")
        with connection, names, leave, contextlib.suppress(OSError):
            for line in names:
                if not self._holds(line.decode().strip(), leave):
                    leave.write(_GO)

    def _holds(self, name: str, leave: socket.SocketIO) -> bool:
        with self._lock:
            self.seen.add(name)
            if name != self._armed:
                return False
            if self._skip:
                self._skip -= 1
                return False
            self._armed = None
            self._held = Held(leave)
            self._hit.set()
            return True
