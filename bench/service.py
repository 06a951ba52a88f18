"""A real service for a benchmark: `tobari up` in its own process, on a core of its own, and a session with it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.machine import on_core
from bench.processes import children
from tobari.client import invite as invites
from tobari.client.invite import Invite
from tobari.client.profile import Profile
from tobari.client.session import Session
from tobari.crypto.signing import SigningKey

START_SECONDS = 30
STOP_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service."""

    host: int
    """Process id; so are the next two."""
    enclave: int
    workers: int
    data: Path
    invite: Invite
    keys: dict[str, SigningKey]
    """By member name."""
    profile: Profile

    @property
    def address(self) -> tuple[str, int]:
        parts = urllib.parse.urlsplit(self.invite.url)
        return parts.hostname or "", parts.port or 0

    def session(self, member: str) -> Session:
        """The SDK, as that member."""
        return Session.join(self.invite, key=self.keys[member], profile=self.profile)


@contextlib.contextmanager
def running(*, members: dict[str, list[str]], programs: list[str], core: int) -> Iterator[Service]:
    """Found a service with these members (name to roles) and run it on one core until the block ends.

    The default temporary folder must be on a disk, or durable writes cost nothing: set TMPDIR otherwise.
    """
    keys = {name: SigningKey.generate() for name in members}
    with tempfile.TemporaryDirectory(prefix="tobari-bench-") as folder:
        root = Path(folder)
        (root / "genesis.toml").write_text(_genesis(members, programs, keys))
        command = [sys.executable, "-m", "tobari.cli.main", "up", "--json", "--port", "0"]
        command += ["--genesis", str(root / "genesis.toml"), "--data", str(root / "data")]
        command += ["--virtual-root", str(root / "virtual-root")]
        with (root / "errors").open("wb") as errors, on_core(core):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        try:
            invite = invites.parse(_announced(process, root / "errors")["invite"])
            (enclave,) = children(process.pid)
            (workers,) = children(enclave)
            yield Service(
                host=process.pid,
                enclave=enclave,
                workers=workers,
                data=root / "data",
                invite=invite,
                keys=keys,
                profile=Profile(root / "profile"),
            )
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _genesis(members: dict[str, list[str]], programs: list[str], keys: dict[str, SigningKey]) -> str:
    lines = ['name = "bench"', f"programs = {json.dumps(programs)}"]
    for name, roles in members.items():
        key = keys[name].public.raw.hex()
        lines += ["[[members]]", f'name = "{name}"', f'key = "{key}"', f"roles = {json.dumps(roles)}"]
    return "\n".join(lines)


def _announced(process: subprocess.Popen[bytes], errors: Path) -> dict[str, str]:
    """The JSON document that `tobari up` prints when it is ready."""
    assert process.stdout is not None
    text = b""
    while line := process.stdout.readline():
        text += line
        with contextlib.suppress(ValueError):
            document: dict[str, str] = json.loads(text)
            return document
    raise RuntimeError(f"the service did not start: {errors.read_text()}")
