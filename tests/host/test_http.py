"""tobari.host.http: every answer, and every error as a problem with a code."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.host.rig import SMALL, Rig, rig
from tests.host.test_objects import files, root_of
from tobari.base.messages.command import MAX_ENVELOPE
from tobari.base.messages.objects import SEALED_CHUNK
from tobari.base.messages.relay import ENVELOPE_TYPE, EVIDENCE_TYPE, RELAYED_TYPE, TREE_SIZE_HEADER
from tobari.host import problems
from tobari.host.objects import ObjectStore, Upload
from tobari.host.openapi import DOCUMENT


def expect_problem(answer: httpx2.Response, status: int, code: str) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code"}
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["cache-control"] == "no-store"
    assert ("retry-after" in answer.headers) == (status in (429, 503))


async def test_call_and_evidence_have_their_types(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        answer = await host.call(b"query")
        assert (answer.status_code, answer.headers["content-type"]) == (200, RELAYED_TYPE)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        nonce = base64.urlsafe_b64encode(bytes(range(200, 232))).rstrip(b"=").decode()
        answer = await host.http.get("/v1/evidence", params={"nonce": nonce})
        assert (answer.status_code, answer.headers["content-type"]) == (200, EVIDENCE_TYPE)
        assert answer.content == b"evidence " + bytes(range(200, 232))


NONCE = base64.urlsafe_b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code"),
    [
        ("GET", "/", {}, 404, "http.not_found"),
        ("GET", "/v1/ledger/checkpoint/", {}, 404, "http.not_found"),
        ("GET", "/v1/call", {}, 405, "http.method"),
        ("DELETE", "/v1/objects/" + "0" * 64, {}, 405, "http.method"),
        ("POST", "/v1/ledger/checkpoint", {}, 405, "http.method"),
        ("POST", "/v1/call", {"content": b"query"}, 400, "http.media_type"),
        ("GET", "/v1/evidence", {}, 400, "http.nonce"),
        ("GET", "/v1/evidence", {"params": {"nonce": NONCE}}, 400, "http.nonce"),
        ("GET", "/v1/evidence", {"params": {"nonce": NONCE[:42]}}, 400, "http.nonce"),
        ("GET", "/v1/evidence", {"params": {"nonce": "A" * 42 + "B"}}, 400, "http.nonce"),
        ("GET", "/v1/evidence", {"params": {"nonce": "+" * 42 + "A"}}, 400, "http.nonce"),
        ("GET", "/v1/evidence", {"params": {"nonce": "é" * 43}}, 400, "http.nonce"),
        ("GET", "/v1/objects/" + "0" * 64, {}, 404, "object.not_found"),
        ("GET", "/v1/objects/" + "0" * 63, {}, 404, "object.not_found"),
        ("GET", "/v1/objects/" + "A" * 64, {}, 404, "object.not_found"),
        ("GET", "/v1/objects/..%2f..%2flog.sqlite", {}, 404, "http.not_found"),
        ("GET", "/v1/ledger/tile/..", {}, 404, "http.not_found"),
        ("GET", "/v1/ledger/tile/9/000", {}, 404, "ledger.not_published"),
        ("GET", "/v1/ledger/tile/0/0", {}, 404, "ledger.not_published"),
        ("GET", "/v1/ledger/tile/secret/000", {}, 404, "ledger.not_published"),
    ],
)
async def test_each_bad_request_has_its_code(
    tmp_path: Path, method: str, path: str, more: dict[str, Any], status: int, code: str
) -> None:
    async with rig(tmp_path) as host:
        expect_problem(await host.http.request(method, path, **more), status, code)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "http.empty"),
        (b"x" * (MAX_ENVELOPE + 1), {}, 413, "http.too_large"),
        (b"query", {TREE_SIZE_HEADER: "-1"}, 400, "http.tree_size"),
        (b"query", {TREE_SIZE_HEADER: "9" * 20}, 400, "http.tree_size"),
        (b"query", {"content-length": "many"}, 400, "http.content_length"),
        (b"refuse", {}, 401, "envelope.opened"),
    ],
)
async def test_each_bad_call_has_its_code(
    tmp_path: Path, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    async with rig(tmp_path) as host:
        expect_problem(await host.call(body, headers), status, code)
        assert (await host.call(b"query")).status_code == 200


async def test_a_body_that_grows_beyond_the_limit_is_cut_off(tmp_path: Path) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 16
            yield bytes(1 << 16)

    async with rig(tmp_path) as host:
        answer = await host.http.post("/v1/call", content=endless(), headers={"content-type": ENVELOPE_TYPE})
        expect_problem(answer, 413, "http.too_large")
        assert sent <= MAX_ENVELOPE + (1 << 17)


async def test_a_slow_body_is_given_up(tmp_path: Path) -> None:
    async def slow() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.02)

    async with rig(tmp_path, replace(SMALL, piece_seconds=0.1)) as host:
        answer = await host.http.post("/v1/call", content=slow(), headers={"content-type": ENVELOPE_TYPE})
        expect_problem(answer, 503, "http.slow")
        answer = await host.http.put("/v1/objects/" + "0" * 64, content=slow())
        expect_problem(answer, 503, "http.slow")
        assert files(tmp_path / "data" / "objects") == []


async def test_calls_leave_the_log_its_space(tmp_path: Path) -> None:
    async with rig(tmp_path, replace(SMALL, reserve_bytes=1 << 62)) as host:
        expect_problem(await host.call(b"append"), 503, "host.disk_full")
        assert host.log.tree.size == 1


async def test_probes_tell_alive_from_ready_and_are_never_limited(tmp_path: Path) -> None:
    async with rig(tmp_path, replace(SMALL, burst=1, requests_per_second=0.001)) as host:
        for _ in range(5):
            assert (await host.http.get("/readyz")).json()["origin"] == "fake.example/log"
        await host.http.get("/v1/ledger/checkpoint")
        expect_problem(await host.http.get("/v1/ledger/checkpoint"), 429, "host.rate")
        host.relay.stop()
        await host.over()
        expect_problem(await host.http.get("/readyz"), 503, "host.not_ready")
        assert (await host.http.get("/healthz")).status_code == 200


async def test_more_requests_than_slots_are_turned_away(tmp_path: Path) -> None:
    async with rig(tmp_path, replace(SMALL, concurrent=1)) as host:
        waiting = [asyncio.create_task(host.call(b"silent"))]
        await asyncio.sleep(0.05)
        expect_problem(await host.http.get("/v1/ledger/checkpoint"), 503, "host.busy")
        assert (await host.http.get("/healthz")).status_code == 200
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_a_refused_method_names_all_that_are_allowed(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        answer = await host.http.request("OPTIONS", "/v1/objects/" + "0" * 64)
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT"}


async def test_one_address_does_not_keep_out_the_others(tmp_path: Path) -> None:
    async with rig(tmp_path, replace(SMALL, concurrent=4)) as host:
        waiting = [asyncio.create_task(host.call(b"silent")) for _ in range(2)]
        await asyncio.sleep(0.05)
        expect_problem(await host.http.get("/v1/ledger/checkpoint"), 429, "host.share")
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_a_crash_says_nothing_about_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(_: bytes) -> None:
        raise RuntimeError("planted secret")

    async with rig(tmp_path) as host:
        monkeypatch.setattr(host.relay, "call", crash)
        answer = await host.call(b"query")
        expect_problem(answer, 500, "http.crash")
    assert "planted" not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text


async def test_a_whole_session_logs_nothing_about_requests(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="tobari")
    async with rig(tmp_path) as host:
        await host.call(b"append:1")
        await host.call(b"refuse")
        await host.http.get("/v1/evidence?nonce=planted")
        await put(host, [b"planted" * 10])
    assert [record for record in caplog.records if record.name.startswith("tobari")] == []


def test_openapi_is_the_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    # The routes as the application has them: built with nothing behind.
    from tobari.host import http

    nothing: Any = None
    app: Any = http.build_app(relay=nothing, log=nothing, reader=nothing, objects=nothing, limits=SMALL)
    routes: dict[str, set[str]] = {}
    for route in app._app.routes:
        methods = {m.lower() for m in route.methods} - ({"head"} if "objects" not in route.path else set())
        routes.setdefault(route.path.replace(":path", ""), set()).update(methods)
    described = {path: set(item) - {"parameters"} for path, item in DOCUMENT["paths"].items()}
    assert described == routes
    names = [o["operationId"] for item in DOCUMENT["paths"].values() for k, o in item.items() if k != "parameters"]
    assert len(names) == len(set(names))


async def test_openapi_is_served_and_its_references_lead_somewhere(tmp_path: Path) -> None:
    async with rig(tmp_path, ready=False) as host:
        document = (await host.http.get("/v1/openapi.json")).json()
    assert document == json.loads(json.dumps(DOCUMENT))
    assert document["openapi"].startswith("3.1.")
    for reference in _references(document):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
    assert problems.PROBLEM_TYPE in document["components"]["responses"]["Problem"]["content"]


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for item in value.values() for found in _references(item)]
    return []


# --- objects -----------------------------------------------------------------------------------------------------


async def put(host: Rig, chunks: list[bytes], root: bytes | None = None) -> httpx2.Response:
    name = (root_of(chunks) if root is None else root).hex()
    return await host.http.put(f"/v1/objects/{name}", content=b"".join(chunks))


async def test_an_object_goes_in_and_comes_out(tmp_path: Path) -> None:
    chunks = [b"a" * SEALED_CHUNK, b"b" * SEALED_CHUNK, b"c" * 99]
    path = f"/v1/objects/{root_of(chunks).hex()}"
    async with rig(tmp_path) as host:
        assert (await host.http.head(path)).status_code == 404
        answer = await put(host, chunks)
        assert (answer.status_code, answer.headers["location"], answer.content) == (201, path, b"")
        assert (await put(host, chunks)).status_code == 200
        answer = await host.http.get(path)
        assert answer.content == b"".join(chunks)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["etag"] == f'"{root_of(chunks).hex()}"'
        answer = await host.http.head(path)
        assert (answer.status_code, answer.headers["content-length"]) == (200, str(2 * SEALED_CHUNK + 99))
    async with rig(tmp_path) as host:
        assert (await host.http.get(path)).content == b"".join(chunks)


@pytest.mark.parametrize(
    ("chunks", "root", "limits", "status", "code"),
    [
        ([b"x" * 99], bytes(32), SMALL, 422, "object.root"),
        ([b"x" * SEALED_CHUNK + b"y" * 99], root_of([b"y" * 99]), SMALL, 422, "object.root"),
        ([], bytes(32), SMALL, 400, "object.chunking"),
        ([b"x" * 99], None, replace(SMALL, object_bytes=98), 413, "object.too_large"),
        ([b"x" * 99], None, replace(SMALL, quota_bytes=98), 503, "object.quota"),
        ([b"x" * 99], None, replace(SMALL, reserve_bytes=1 << 62), 503, "object.disk_full"),
        ([b"x" * 99], None, replace(SMALL, transfers=0), 503, "host.busy"),
    ],
)
async def test_a_bad_object_leaves_nothing(
    tmp_path: Path, chunks: list[bytes], root: bytes | None, limits: Any, status: int, code: str
) -> None:
    async with rig(tmp_path, limits) as host:
        expect_problem(await put(host, chunks, root), status, code)
        assert files(tmp_path / "data" / "objects") == []
        assert host.objects.used == 0


async def test_a_download_gives_its_slot_back(tmp_path: Path) -> None:
    async with rig(tmp_path, replace(SMALL, transfers=1)) as host:
        for _ in range(3):
            await put(host, [b"x" * 99])
            assert (await host.http.get(f"/v1/objects/{root_of([b'x' * 99]).hex()}")).status_code == 200


@pytest.mark.parametrize("step", ["receive", "add", "finish"])
async def test_a_disk_that_refuses_an_object_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with rig(tmp_path) as host:
        with monkeypatch.context() as full:
            full.setattr(ObjectStore if step == "receive" else Upload, step, refuse)
            expect_problem(await put(host, [b"x" * 99]), 503, "object.write")
        assert files(tmp_path / "data" / "objects") == []
        assert host.objects.used == 0
        assert (await put(host, [b"x" * 99])).status_code == 201
