"""A real service in a folder of its own: host and enclave processes that a test may kill, and sessions with it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.faults.stops import Stops
from tobari.base.messages.genesis import Genesis, Member
from tobari.base.principal import Role
from tobari.client.session import Session
from tobari.client.trust import TrustStore
from tobari.crypto.signing import SigningKey
from tobari.evidence import bundle
from tobari.evidence.policy import AppraisalPolicy
from tobari.evidence.strictest import policy_from
from tobari.evidence.verify import verify

ROOT = Path(__file__).resolve().parents[2]
ROLES: dict[str, list[Role]] = {
    "bank": [Role.ISSUER],
    "shop": [],
    "client": [],
    "owner": [Role.OWNER],
    "analyst": [Role.ANALYST],
}
START_SECONDS = 40.0
END_SECONDS = 20.0


class Service:
    """Used by `with`; `start` it. With `stops`, a relay stands between host and enclave and the host has stops."""

    def __init__(
        self,
        folder: Path,
        *,
        stops: bool = False,
        every: int = 25,
        keys: dict[str, SigningKey] | None = None,
        **limits: Any,
    ) -> None:
        self.folder = folder
        self.data, self.temporary, self.record = (folder / name for name in ("data", "tmp", "record"))
        for path in (folder, self.temporary, self.record):
            path.mkdir(parents=True, exist_ok=True)
        self.log = folder / "host.log"
        self.root = folder / "root"
        self.root.write_bytes(secrets.token_bytes(32))
        self.root.chmod(0o600)
        self.keys = keys or {name: SigningKey.generate() for name in ROLES}
        self.genesis = Genesis(
            name="faults",
            members=[Member(name=name, key=key.public.raw.hex(), roles=ROLES[name]) for name, key in self.keys.items()],
            programs=["currency", "room"],
        )
        self.stops = Stops(folder / "stops") if stops else None
        self._every = every
        self._limits = {"reserve_bytes": 0, "requests_per_second": 1e6, "burst": 1_000_000, **limits}
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._policy: AppraisalPolicy | None = None
        self._family: set[tuple[int, str | None]] = set()
        self.port = 0

    # --- its life ---

    def launch(self) -> None:
        """Start the processes; `ready` waits for them."""
        given = {
            "data": str(self.data),
            "genesis": self.genesis.encode().hex(),
            "root": str(self.root),
            "port": self.port,
            "limits": self._limits,
            "stops": str(self.stops.path) if self.stops else None,
            "record": str(self.record),
            "every": self._every,
        }
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.host", json.dumps(given)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # A pipe, not the file: a test that forbids the host to write files must not silence it.
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._keep_log, args=(self._process,), daemon=True)
        self._reader.start()

    def ready(self) -> bool:
        """Wait until calls are taken; False if the host ended instead."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            return False
        self.port = urlsplit(json.loads(line)["url"]).port or 0
        return True

    def comes_up(self) -> bool:
        """Launch; False if the host refused, with exit code 1, and everything is gone again."""
        self.launch()
        if self.ready():
            return True
        assert self.ended() == 1
        return False

    def start(self) -> None:
        if not self.comes_up():
            raise RuntimeError(f"the service did not start:\n{self.said()}")

    def stop(self) -> int:
        """SIGTERM and the exit code."""
        assert self._process is not None
        self.remember()
        self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait until the host is gone by itself; its exit code. Enclave and workers must go with it."""
        assert self._process is not None
        code = self._process.wait(END_SECONDS)
        self._expect_nobody()
        return code

    def kill_host(self) -> None:
        assert self._process is not None
        self.remember()
        self._process.kill()
        self._process.wait()

    def kill_enclave(self) -> None:
        self.remember()
        os.kill(self.enclave, signal.SIGKILL)

    def remember(self) -> None:
        """Who must be gone when the host is."""
        self._family |= {(pid, _born(pid)) for pid in descendants(self.pid)}

    def _expect_nobody(self) -> None:
        deadline = time.monotonic() + END_SECONDS
        while left := [pid for pid, born in self._family if born is not None and _born(pid) == born]:
            if time.monotonic() > deadline:
                raise AssertionError(f"processes are left behind: {left}")
            time.sleep(0.005)
        self._family.clear()
        if self._reader is not None:
            self._reader.join(END_SECONDS)

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill_host()
        for pid, born in self._family:
            if born is not None and _born(pid) == born:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        if self.stops is not None:
            self.stops.close()

    # --- its processes ---

    @property
    def pid(self) -> int:
        """The host's."""
        assert self._process is not None
        return self._process.pid

    @property
    def enclave(self) -> int:
        return next(pid for pid in descendants(self.pid) if _is_enclave(pid))

    @property
    def worker_server(self) -> int:
        return _children(self.enclave)[0]

    def said(self) -> str:
        return self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""

    def _keep_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with self.log.open("ab", buffering=0) as log, process.stderr as said:
            while data := os.read(said.fileno(), 1 << 16):
                log.write(data)

    # --- its clients ---

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def policy(self) -> AppraisalPolicy:
        """Pins what the service said of itself at the first look."""
        if self._policy is None:
            nonce = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
            evidence = httpx2.get(f"{self.url}/v1/evidence?nonce={nonce}").content
            self._policy = policy_from(verify(bundle.decode(evidence), at=time.time_ns() // 1_000_000))
        return self._policy

    def session(self, name: str, *, url: str | None = None) -> Session:
        """A session of a member, whose memory of the log outlives it."""
        trust = TrustStore(self.folder / "clients" / name)
        return Session.connect(url or self.url, policy=self.policy, key=self.keys[name], trust=trust)


def descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from descendants(child)


def workers(server: int) -> list[int]:
    return _children(server)


def is_jailed(pid: int) -> bool:
    """Whether a process is behind a seccomp filter."""
    try:
        return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text("ascii", errors="replace")
    except OSError:
        return False


def _children(pid: int) -> list[int]:
    found = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in tasks.read_text("ascii").split()]
    return found


def _is_enclave(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"tobari.enclave" in command or b"faults/enclave.py" in command


def _born(pid: int) -> str | None:
    """When it was started (proc(5), field 22 of stat); None if it is gone or only waits to be buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
