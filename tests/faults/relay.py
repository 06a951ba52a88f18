"""Between host and enclave: forwards the link's frames, stops at named ones, and writes down what the enclave sealed.

The host starts it in the enclave's place: `python -m tests.faults.relay STOPS RECORD EVERY --link-fd N … --root-fd M`.

A stop is named DIRECTION:KIND, such as `to-host:append`, and stands before the frame is forwarded. An Append with a
release in it is `to-host:append-release`, and its acknowledgement `to-enclave:appended-release`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import cbor2

from tests.faults.stops import Station
from tobari.base import cbor
from tobari.base.messages.link import MAX_FRAME

ENCLAVE = str(Path(__file__).with_name("enclave.py"))
SALT = 32
"""Bytes in front of what is sealed under a key of its own: a response, a snapshot, the sealed state."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("stops")
    parser.add_argument("record", type=Path)
    parser.add_argument("every")
    parser.add_argument("--link-fd", type=int)
    parser.add_argument("--platform")
    parser.add_argument("--root-fd", type=int)
    options = parser.parse_args()
    host = socket.socket(fileno=options.link_fd)
    ours, theirs = socket.socketpair()
    enclave = subprocess.Popen(
        [
            *(sys.executable, "-I", ENCLAVE, options.every),
            *("--link-fd", str(theirs.fileno()), "--platform", options.platform, "--root-fd", str(options.root_fd)),
        ],
        pass_fds=(theirs.fileno(), options.root_fd),
        env=dict(os.environ),
    )
    theirs.close()
    os.close(options.root_fd)
    with (options.record / f"{enclave.pid}.cbor").open("wb", buffering=0) as record:
        relay = Relay(Station(options.stops), record)
        # The host going away ends this direction, and with it the enclave, which ends the other one.
        threading.Thread(target=relay.pump, args=(host, ours, "to-enclave"), daemon=True).start()
        outwards = threading.Thread(target=relay.pump, args=(ours, host, "to-host"))
        outwards.start()
        code = enclave.wait()
        outwards.join()
    # Without waiting for the thread that still reads from the host.
    os._exit(code if code >= 0 else 128 - code)


class Relay:
    def __init__(self, station: Station, record: BinaryIO) -> None:
        self._station = station
        self._record = record
        self._release_batch = 0

    def pump(self, source: socket.socket, target: socket.socket, direction: str) -> None:
        with contextlib.suppress(OSError):
            for raw, frame in _frames(source):
                if direction == "to-host":
                    self._write_down(frame)
                if self._station.reach(f"{direction}:{self._kind(frame)}"):
                    target.sendall(raw)
        # As if the two were joined: who still writes to a side that is gone is told so.
        for end, half in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
            with contextlib.suppress(OSError):
                end.shutdown(half)

    def _kind(self, frame: dict[str, Any]) -> str:
        kind: str = frame["type"]
        if kind == "append" and any(b"grelease" in entry["public"] for entry in frame["entries"]):
            self._release_batch = frame["batch"]
        if kind in ("append", "appended") and frame["batch"] == self._release_batch:
            return f"{kind}-release"
        return kind

    def _write_down(self, frame: dict[str, Any]) -> None:
        """Before it is forwarded: what is lost on the way was seen by the host's operator all the same."""
        match frame["type"]:
            case "append":
                said: list[Any] = [
                    ["entry", *(e[part] for part in ("header", "public", "sealed"))] for e in frame["entries"]
                ]
            case "publish":
                said = [["response", reply["response"][:SALT]] for reply in frame["replies"]]
            case "store-snapshot":
                said = [["snapshot", frame["snapshot"][:SALT]]]
            case "store-sealed":
                said = [["state", frame["sealed"]]]
            case _:
                return
        self._record.write(b"".join(cbor2.dumps(one) for one in said))


def _frames(source: socket.socket) -> Iterator[tuple[bytes, dict[str, Any]]]:
    with source.makefile("rb") as file:
        while len(length := file.read(4)) == 4:
            body = file.read(int.from_bytes(length, "big"))
            yield length + body, cbor.decode(body, max_bytes=MAX_FRAME)


if __name__ == "__main__":
    sys.exit(main())
