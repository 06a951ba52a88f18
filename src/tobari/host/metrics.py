"""Counts and times of one host, for Prometheus (docs/reference/http-api.md, "Metrics"): no data, addresses or ids.

They tell when a service is used, by how much, and how large its data is: a traffic pattern, which is the operator's to
know and nobody else's. So they are served on loopback alone, on a port of their own, and only if the operator asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tobari.host.objects import ObjectStore
from tobari.host.published import PublishedLog
from tobari.host.relay import Relay

_ROUTES = {"/v1/call", "/v1/evidence", "/v1/ledger/checkpoint", "/v1/openapi.json", "/healthz", "/readyz"}
_BELOW = ("/v1/ledger/tile/", "/v1/objects/")
_METHODS = {"GET", "HEAD", "POST", "PUT"}
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """Everything that is counted, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "tobari_requests", "HTTP requests answered.", ["route", "method", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "tobari_request_seconds",
            "From the head of a request to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._batch = Histogram(
            "tobari_batch_entries", "Entries of a batch that was made durable.", buckets=_BATCH, registry=registry
        )
        self._append_seconds = Histogram(
            "tobari_append_seconds",
            "Writing a batch of entries to the disk, its sync included.",
            buckets=_SECONDS,
            registry=registry,
        )

    def request(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request. Of the path only its route is kept."""
        route = route_of(path)
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def appended(self, entries: int, seconds: float) -> None:
        """Count a batch that is on the disk."""
        self._batch.observe(entries)
        self._append_seconds.observe(seconds)

    def watch(self, *, relay: Relay, log: PublishedLog, objects: ObjectStore, log_file: Path) -> None:
        """Show the state of these whenever somebody asks."""

        def gauge(name: str, text: str, value: Callable[[], float]) -> None:
            Gauge(name, text, registry=self.registry).set_function(value)

        gauge("tobari_enclave_up", "1 while the enclave takes calls.", lambda: float(relay.ready is not None))
        gauge("tobari_calls_waiting", "Calls and evidence requests that wait for the enclave.", lambda: relay.waiting)
        gauge("tobari_log_entries", "Durable entries of the log.", lambda: log.tree.size)
        gauge("tobari_log_bytes", "Size of the log file.", lambda: log_file.stat().st_size)
        gauge("tobari_object_bytes", "Sealed objects, cut-off uploads included.", lambda: objects.used)


def route_of(path: str) -> str:
    """The route of a path, without what differs from request to request."""
    if path in _ROUTES:
        return path
    return next((prefix for prefix in _BELOW if path.startswith(prefix)), "other")


class Metered:
    """An application whose answers are counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Counted as 499 if the client went away before there was an answer.
        status = 499

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        try:
            await self._app(scope, receive, watched)
        finally:
            self._metrics.request(scope["path"], scope["method"], status, time.perf_counter() - begun)


def metrics_app(metrics: Metrics) -> ASGIApp:
    """`GET /metrics`, for programs on this machine: a `Host` that is not loopback's is a web page's trick."""

    async def show(_: Request) -> Response:
        text = generate_latest(metrics.registry)
        return Response(text, 200, {"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"})

    return Starlette(
        routes=[Route("/metrics", show, methods=["GET"])],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )
