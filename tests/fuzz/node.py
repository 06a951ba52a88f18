"""A real node, host and enclave, in processes of its own: `python -m tests.fuzz.node FOLDER LIMITS` says when it is up.

What hostile clients cost it is read from /proc.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tobari.base.messages.genesis import Genesis, Member
from tobari.base.principal import Role
from tobari.cli.virtual_root import ensure_root
from tobari.crypto.signing import SigningKey
from tobari.host.config import HostConfig, Limits
from tobari.host.serve import Serving, serve

ROOT = pathlib.Path(__file__).resolve().parents[2]
NONCE = "A" * 43


class Node:
    """A node that is up. `others` asks as an honest client does, from an address of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.url: str = json.loads(process.stdout.readline())["url"]
        self.port = urlsplit(self.url).port or 0

    @property
    def resident(self) -> int:
        """Bytes of memory that the host process has."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) << 10

    def ask(self, client: httpx2.Client) -> float:
        """Seconds that fresh evidence takes: a request through the whole node."""
        started = time.monotonic()
        answer = client.get("/v1/evidence", params={"nonce": NONCE})
        assert answer.status_code == 200, answer.text
        return time.monotonic() - started


@contextlib.contextmanager
def node(folder: pathlib.Path, **limits: Any) -> Iterator[Node]:
    """A node with these limits, ended at the end."""
    arguments = [sys.executable, "-m", "tests.fuzz.node", str(folder), json.dumps(limits)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Node(process)
        finally:
            process.terminate()


@contextlib.contextmanager
def watched(it: Node, *, slowest: float, most: int) -> Iterator[None]:
    """For the block: an honest client at another address is answered within `slowest` seconds each time, and the host
    needs at most `most` bytes more than before."""
    before = peak = it.resident
    failures: list[BaseException] = []
    over = threading.Event()

    def honest() -> None:
        nonlocal peak
        # A connection each time, as clients that just came have it, and from an address that the attacker has not.
        while not over.wait(0.05):
            try:
                transport = httpx2.HTTPTransport(local_address="127.0.0.2")
                with httpx2.Client(base_url=it.url, timeout=slowest, transport=transport) as client:
                    assert it.ask(client) < slowest
            except BaseException as error:
                failures.append(error)
                return
            peak = max(peak, it.resident)

    thread = threading.Thread(target=honest)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]
    peak = max(peak, it.resident)
    assert peak - before <= most, f"the host grew by {(peak - before) >> 20} MiB"


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    key = SigningKey.from_seed(bytes(32)).public.raw.hex()
    genesis = Genesis(name="fuzz", members=[Member(name="bank", key=key, roles=[Role.ISSUER])], programs=["currency"])
    root = folder / "state" / "virtual-root"
    ensure_root(root, data=folder / "data")
    config = HostConfig(
        data=folder / "data",
        genesis=genesis.encode(),
        virtual_root_path=root,
        port=0,
        limits=Limits(reserve_bytes=0, **json.loads(sys.argv[2])),
    )

    def ready(serving: Serving) -> None:
        print(json.dumps(dataclasses.asdict(serving)), flush=True)

    sys.exit(serve(config, ready))


if __name__ == "__main__":
    main()
