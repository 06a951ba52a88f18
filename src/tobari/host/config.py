"""What a host is started with: where its data lies, what it serves on, and how much it takes from outside.

The values are checked where they are used; there is no configuration file here.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what strangers can make the host hold or do. Sizes in bytes, times in seconds."""

    requests_per_second: float = 500.0
    """Sustained, for one client address; probes (`/healthz`, `/readyz`) are not counted."""
    burst: int = 1000
    """Requests that one client address may send at once."""
    addresses: int = 10_000
    """Client addresses remembered for the rate."""
    concurrent: int = 256
    """Requests in progress; half of them for one client address."""
    pending: int = 128
    """Calls and evidence requests that wait for the enclave."""
    transfers: int = 32
    """Objects being received or sent over HTTP, half of them for one client address; fewer than `concurrent`, so that
    calls get through."""
    connections: int = 1024
    """Open connections, idle ones included. One more cuts the one that has waited longest for a request."""
    pipelined: int = 16
    """Requests that one connection may send ahead of their answers."""
    head_bytes: int = 32 << 10
    """Request line and header fields of one request; and what its body's framing and trailer may add to the body."""
    head_fields: int = 100
    """Header fields of one request, those of its trailer included."""
    head_seconds: float = 10.0
    """From the first byte of a request to the end of its header."""
    piece_seconds: float = 30.0
    """For each MiB of a body to arrive, and for a client that reads too slowly to go on."""
    call_seconds: float = 60.0
    """Until the enclave has answered a call."""
    object_bytes: int = 64 << 30
    """One sealed object."""
    quota_bytes: int = 1 << 40
    """All sealed objects together, those included whose upload was cut off."""
    partials: int = 64
    """Uploads that were cut off, kept to be gone on with."""
    partial_bytes: int = 128 << 30
    """All of them together."""
    partial_seconds: float = 86_400.0
    """How long such an upload is kept."""
    reserve_bytes: int = 256 << 20
    """Free disk space that calls leave for the log. Uploads leave twice as much: they cannot stop the calls."""
    stop_seconds: float = 20.0
    """For requests in progress, and again for the enclave, to finish."""


@dataclass(frozen=True, kw_only=True)
class HostConfig:
    """One host, and the enclave it starts on the `virtual` platform."""

    data: Path
    """Data directory; made if absent."""
    genesis: bytes
    """Canonical bytes of the genesis file (spec/genesis.md)."""
    virtual_root_path: Path
    """Root secret of the virtual platform. Outside `data`; opened here, never read here."""
    address: str = "127.0.0.1"
    port: int = 8420
    """0 takes a free one; `Serving.url` tells which."""
    metrics_port: int | None = None
    """Serves /metrics on 127.0.0.1 there; None serves none, 0 takes a free port."""
    limits: Limits = field(default_factory=Limits)
    enclave_command: tuple[str, ...] = (sys.executable, "-I", "-m", "tobari.enclave")
    """Starts the enclave process; descriptors and platform are appended."""
