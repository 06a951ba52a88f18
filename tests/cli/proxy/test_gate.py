"""tobari.cli.proxy.gate: who is let in, and that nothing happens for the others."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

from tests.cli.proxy.rig import HEADERS, PORT, TOKEN, rig
from tobari.cli.proxy import gate


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"host": "attacker.example"}, 403, "proxy.host"),
        ({"host": f"attacker.example:{PORT}"}, 403, "proxy.host"),
        ({"host": "127.0.0.1"}, 403, "proxy.host"),
        ({"host": f"127.0.0.1:{PORT + 1}"}, 403, "proxy.host"),
        ({"host": f"127.0.0.1.attacker.example:{PORT}"}, 403, "proxy.host"),
        ({"origin": "https://attacker.example"}, 403, "proxy.origin"),
        ({"origin": "null"}, 403, "proxy.origin"),
        ({"origin": f"http://127.0.0.1:{PORT}"}, 403, "proxy.origin"),
        ({"sec-fetch-site": "cross-site"}, 403, "proxy.origin"),
        ({"sec-fetch-site": "same-origin"}, 403, "proxy.origin"),
        ({"authorization": ""}, 401, "proxy.token"),
        ({"authorization": "Bearer "}, 401, "proxy.token"),
        ({"authorization": TOKEN}, 401, "proxy.token"),
        ({"authorization": f"Bearer {TOKEN} "}, 401, "proxy.token"),
        ({"authorization": f"Bearer {TOKEN}x"}, 401, "proxy.token"),
        ({"authorization": "Bearer \xff"}, 401, "proxy.token"),
    ],
)
async def test_who_is_not_let_in(tmp_path: pathlib.Path, headers: dict[str, str], status: int, code: str) -> None:
    async with rig(tmp_path) as proxy:
        before = len(proxy.service.requests)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in (HEADERS | headers).items()]
        answer = await proxy.http.post("/v1/currency/issue", json={"to": "bank", "amount": 1}, headers=raw)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
        assert TOKEN not in answer.text
        assert len(proxy.service.requests) == before


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
async def test_the_names_of_loopback(tmp_path: pathlib.Path, name: str) -> None:
    async with rig(tmp_path) as proxy:
        answer = await proxy.http.get("/v1/attestation", headers={"host": f"{name}:{PORT}"})
        assert answer.status_code == 200


async def test_a_preflight_is_refused_and_no_page_may_read(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path) as proxy:
        preflight = await proxy.http.options("/v1/currency/issue", headers={"origin": "https://attacker.example"})
        assert preflight.status_code == 403
        answer = await proxy.http.get("/v1/attestation")
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


async def test_more_requests_than_slots_are_turned_away(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MAX_REQUESTS", 1)
    async with rig(tmp_path) as proxy:
        answers = await asyncio.gather(*(proxy.call("currency", "issue", to="bank", amount=1) for _ in range(3)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes[0] == 200
        assert codes[-1] == 503


async def test_what_crashes_tells_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path) as proxy:
        monkeypatch.setattr(type(proxy.session), "sign", lambda *words, **__: {}[words])
        answer = await proxy.call("currency", "issue", to="canary", amount=1)
        assert (answer.status_code, answer.json()["code"]) == (500, "proxy.crash")
    assert "proxy.crash: TypeError" in caplog.text
    assert "canary" not in answer.text + caplog.text
