"""The proxy's routes over a real keeper: values, receipts, batches, streams, and what goes wrong."""

from __future__ import annotations

import base64
import json
import pathlib
import secrets

import httpx2
import pytest

from tests.cli.proxy.rig import rig
from tobari.client import protocol
from tobari.client import watch as watch_module
from tobari.client.receipts import verify_receipt
from tobari.ledger.receipt import Receipt


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "PAUSES", (0.001,))
    monkeypatch.setattr(watch_module, "PAUSES", (0.001,))


async def test_a_command_a_query_and_its_receipt(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path) as proxy:
        done = (await proxy.call("currency", "issue", to="bank", amount=5)).json()
        assert (done["status"], done["value"]) == ("COMMITTED", 5)
        assert done["receipt"] == {
            "origin": proxy.session.attested.key.name,
            "index": 1,
            "tree_size": 2,
            "cosigned": "uncosigned",
        }
        asked = (await proxy.http.post("/v1/currency/balance")).json()
        assert (asked["status"], asked["value"], asked["receipt"]) == ("ANSWERED", 5, None)
        answer = await proxy.http.get(f"/v1/receipts/{done['id']}")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert verify_receipt(Receipt.parse(answer.text), key=proxy.service.key).index == 1
        none = await proxy.http.get(f"/v1/receipts/{asked['id']}")
        assert (none.status_code, none.json()["code"]) == (404, "proxy.no_receipt")


async def test_bytes_go_in_and_come_out(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path) as proxy:
        done = (await proxy.call("currency", "issue", to="bank", amount=5)).json()
        written = base64.urlsafe_b64encode(bytes.fromhex(done["id"])).rstrip(b"=").decode()
        asked = (await proxy.call("service", "status", id={"$bytes": written})).json()
        assert asked["value"]["value"] == 5
        assert set(asked["value"]["placement"]["header"]) == {"$bytes"}


async def test_a_refusal_is_a_problem_with_its_receipt(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path, member="shop") as proxy:
        refused = await proxy.call("currency", "transfer", to="bank", amount=5)
        assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
        said = refused.json()
        assert (said["code"], said["status"]) == ("currency.funds", 409)
        assert (said["command"]["status"], said["command"]["receipt"]["index"]) == ("INVALID", 1)
        status = (await proxy.http.get(f"/v1/status/{said['command']['id']}")).json()
        assert (status["status"], status["error"]["code"]) == ("INVALID", "currency.funds")


async def test_many_are_sent_and_followed(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path) as proxy:
        commands = [{"program": "currency", "command": "issue", "args": {"to": "bank", "amount": n}} for n in (1, 2, 3)]
        sent = await proxy.http.post("/v1/batch", json={"commands": commands})
        assert sent.status_code == 202
        ids = sent.json()["ids"]
        lines = await proxy.http.get("/v1/statuses", params={"id": ids})
        assert lines.headers["content-type"].startswith("application/x-ndjson")
        states = [json.loads(line) for line in lines.text.splitlines()]
        assert {state["id"]: state["value"] for state in states} == dict(zip(ids, (1, 3, 6), strict=True))
        events = await proxy.http.get("/v1/statuses", params={"id": ids}, headers={"accept": "text/event-stream"})
        assert events.headers["content-type"].startswith("text/event-stream")
        parsed = [json.loads(part.removeprefix("data: ")) for part in events.text.split("\n\n")[:-1]]
        assert {state["status"] for state in parsed} == {"COMMITTED"}


async def test_a_chosen_id_finds_a_command_whose_answer_was_lost(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path) as proxy:
        command_id = secrets.token_hex(16)
        proxy.service.lose = lambda request: request.url.path == "/v1/call"
        headers = {"tobari-command-id": command_id}
        body = {"to": "bank", "amount": 5}
        lost = await proxy.http.post("/v1/currency/issue", json=body, headers=headers)
        assert (lost.status_code, lost.json()["code"]) == (503, "client.unknown")
        assert lost.json()["command"]["id"] == command_id
        proxy.service.lose = lambda _: False
        assert (await proxy.http.get(f"/v1/status/{command_id}")).json()["value"] == 5
        again = await proxy.http.post("/v1/currency/issue", json=body, headers=headers)
        assert (again.status_code, again.json()["code"]) == (409, "proxy.id_used")


async def test_the_appraisal_is_shown_and_made_anew_in_a_new_epoch(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path) as proxy:
        shown = (await proxy.http.get("/v1/attestation")).json()
        assert (shown["verdict"], shown["warnings"][0]["code"], len(shown["steps"]) > 10) == (
            "accepted",
            "virtual",
            True,
        )
        proxy.service.stop()
        proxy.service.boot()
        assert (await proxy.call("currency", "total")).json()["value"] == 0


async def test_a_service_that_is_another_one_by_now_gets_nothing(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path) as proxy:
        other = type(proxy.service)(keys=proxy.service.keys).boot()
        proxy.service.mangle = lambda request, _: other._route(request)
        refused = await proxy.call("currency", "issue", to="bank", amount=5)
        assert refused.status_code in (422, 503)
        assert refused.json()["code"] != "client.unknown"
        assert len(other.disk.entries) == 1


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("POST", "/v1/currency/issue", b"{", 400, "proxy.json"),
        ("POST", "/v1/currency/issue", b'{"amount": {"$odd": 1}}', 400, "proxy.value"),
        ("POST", "/v1/currency/issue", b" " * ((1 << 20) + 1), 413, "http.too_large"),
        ("POST", "/v1/Currency/issue", b"{}", 400, "message.malformed"),
        ("POST", "/v1/currency/nothing", b"{}", 404, "command.unknown"),
        ("POST", "/v1/batch", b"{}", 400, "proxy.batch"),
        ("POST", "/v1/batch", b'{"commands": []}', 400, "proxy.batch"),
        ("POST", "/v1/batch", b'{"commands": [{"program": "a"}]}', 400, "proxy.batch"),
        ("POST", "/v1/batch", b'{"commands": [{"program": "a", "command": "b", "args": 1}]}', 400, "proxy.batch"),
        ("GET", "/v1/status/12", b"", 400, "proxy.id"),
        ("GET", "/v1/receipts/" + "F" * 32, b"", 400, "proxy.id"),
        ("GET", "/v1/statuses", b"", 400, "proxy.ids"),
        ("GET", "/v1/nothing", b"", 404, "http.not_found"),
        ("GET", "/v1/batch", b"", 405, "http.method"),
        ("PUT", "/v1/datasets", b"a,b\n", 400, "proxy.terms"),
    ],
)
async def test_what_is_refused(
    tmp_path: pathlib.Path, method: str, path: str, content: bytes, status: int, code: str
) -> None:
    async with rig(tmp_path) as proxy:
        kind = {"content-type": "application/json"}
        answer = await proxy.http.request(method, path, content=content, headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_another_content_type_is_refused(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path) as proxy:
        answer: httpx2.Response = await proxy.http.post("/v1/currency/issue", data={"to": "bank"})
        assert (answer.status_code, answer.json()["code"]) == (400, "http.media_type")


async def test_without_a_key_it_appraises_and_calls_nothing(tmp_path: pathlib.Path) -> None:
    async with rig(tmp_path, member=None) as proxy:
        assert (await proxy.http.get("/v1/attestation")).status_code == 200
        for answer in (await proxy.call("currency", "total"), await proxy.http.put("/v1/datasets", content=b"x")):
            assert (answer.status_code, answer.json()["code"]) == (401, "client.no_key")
