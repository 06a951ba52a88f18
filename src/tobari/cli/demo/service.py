"""The operator: runs `tobari up` as its own process, on a folder of its own, and stops and starts it again."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from tobari.base.errors import Unavailable

TOBARI = (sys.executable, "-m", "tobari.cli.main")
"""The command, as this very installation has it."""
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0


class Service:
    """A service on `folder`, which must hold genesis.toml. Stopped at the end of `with`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.said: dict[str, Any] = {}
        """What `tobari up --json` printed when it was ready."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def pid(self) -> int:
        """Of the host process."""
        assert self._process is not None
        return self._process.pid

    def enclave(self) -> int | None:
        """Process id of the enclave that the host started; None if there is none."""
        for pid in _children(self.pid):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"tobari.enclave" in command:
                return pid
        return None

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.stop()

    def start(self) -> None:
        """Start, and wait until it serves. The first start takes a free port, later ones the same.

        Raises:
            Unavailable: `demo.service`, it ended or did not come up.
        """
        arguments = ["--genesis", "genesis.toml", "--data", "data", "--virtual-root", "virtual-root"]
        with (self.folder / "up.log").open("ab") as log:
            # A session of its own: Ctrl-C is for the demo, which then stops the service.
            self._process = subprocess.Popen(  # noqa: S603  this program itself
                [*TOBARI, "up", *arguments, "--port", str(self._port), "--json"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=own_environment(self.folder),
                start_new_session=True,
            )
        self.said = self._ready()
        self._port = urlsplit(str(self.said["url"])).port or 0

    def stop(self) -> int:
        """SIGTERM, and the exit code of the host; it is killed if it does not stop."""
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            if process.stdout is not None:
                process.stdout.close()

    def wait(self) -> None:
        """Until it ends by itself."""
        assert self._process is not None
        self._process.wait()

    def _ready(self) -> dict[str, Any]:
        """The one document on its standard output."""
        assert self._process is not None
        assert self._process.stdout is not None
        output, said = self._process.stdout, b""
        deadline = time.monotonic() + _READY_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while selector.select(deadline - time.monotonic()):
                if not (data := os.read(output.fileno(), 1 << 16)):
                    break
                said += data
                if (document := _document(said)) is not None and "url" in document:
                    return document
        raise Unavailable("demo.service", f"The service did not come up. It said last: {self._last_words()}")

    def _last_words(self) -> str:
        lines = (self.folder / "up.log").read_text("utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "nothing"


def own_environment(folder: Path) -> dict[str, str]:
    """The environment of a command whose user has this folder and no other."""
    own = {"TOBARI_HOME": str(folder / "profile"), "XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}
    return {**os.environ, **own}


def _document(text: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _children(pid: int) -> list[int]:
    """Of all threads of a process (proc(5), task/TID/children)."""
    found = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in tasks.read_text("ascii").split()]
    return found
