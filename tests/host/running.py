"""A host process with the fake enclave: `python running.py FOLDER SETTINGS [FORMAT]` says when it is ready."""

from __future__ import annotations

import dataclasses
import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tobari.base.messages.relay import ENVELOPE_TYPE
from tobari.host import logs
from tobari.host.config import HostConfig, Limits
from tobari.host.serve import Serving, serve

HERE = Path(__file__).resolve()
FAKE = (sys.executable, "-I", str(HERE.with_name("fake_enclave.py")))


def config(path: Path, *, metrics_port: int | None = None, **limits: Any) -> HostConfig:
    (path / "root").write_bytes(b"root secret")
    return HostConfig(
        data=path / "data",
        genesis=b"genesis",
        virtual_root_path=path / "root",
        port=0,
        metrics_port=metrics_port,
        limits=Limits(reserve_bytes=0, **limits),
        enclave_command=FAKE,
    )


class Host:
    """A host process, ready."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.serving = json.loads(process.stdout.readline())
        self.url: str = self.serving["url"]
        self.http = httpx2.Client(base_url=self.url)

    def call(self, envelope: bytes) -> httpx2.Response:
        return self.http.post("/v1/call", content=envelope, headers={"content-type": ENVELOPE_TYPE})

    def connect(self) -> socket.socket:
        address = httpx2.URL(self.url)
        assert address.port is not None
        return socket.create_connection((address.host, address.port), timeout=5)

    def ended(self) -> tuple[int, str, str]:
        """Exit code, standard output and error."""
        out, err = self.process.communicate(timeout=15)
        return self.process.returncode, out, err


@contextmanager
def host(path: Path, *, log_format: logs.Format | None = None, **settings: Any) -> Iterator[Host]:
    """A host process on `path`, killed at the end if it still runs; `settings` as for `config`."""
    arguments = [sys.executable, str(HERE), str(path), json.dumps(settings), *([log_format] if log_format else [])]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            it = Host(process)
            with it.http:
                yield it
        finally:
            process.kill()


def main() -> None:
    if len(sys.argv) > 3:
        logs.configure("json" if sys.argv[3] == "json" else "text")
    else:
        logging.basicConfig(level="INFO", format="%(name)s %(message)s")

    def ready(serving: Serving) -> None:
        print(json.dumps(dataclasses.asdict(serving)), flush=True)

    sys.exit(serve(config(Path(sys.argv[1]), **json.loads(sys.argv[2])), ready))


if __name__ == "__main__":
    main()
