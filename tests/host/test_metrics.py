"""tobari.host.metrics: what is counted, where it is shown, and what is not in it."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.host import running
from tobari.host.config import HostConfig
from tobari.host.metrics import Metrics, route_of

CANARY = "canary7f3a"


def samples(url: str) -> dict[str, float]:
    """Every sample by name and labels."""
    answer = httpx2.get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        "".join([sample.name, *(f" {name}={value}" for name, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_batches_and_state_are_counted(tmp_path: Path) -> None:
    with running.host(tmp_path, metrics_port=0) as host:
        assert host.call(b"append:3").status_code == 200
        assert host.call(b"append:2").status_code == 200
        assert host.http.get("/v1/nothing").status_code == 404
        found = samples(host.serving["metrics_url"])
        assert found["tobari_requests_total method=POST route=/v1/call status=200"] == 2
        assert found["tobari_requests_total method=GET route=other status=404"] == 1
        assert found["tobari_request_seconds_count route=/v1/call"] == 2
        assert found["tobari_batch_entries_sum"] == found["tobari_log_entries"] == 6
        assert found["tobari_batch_entries_count"] == found["tobari_append_seconds_count"] == 3
        assert 0 < found["tobari_append_seconds_sum"] < 10
        assert found["tobari_log_bytes"] > 0
        assert (found["tobari_enclave_up"], found["tobari_calls_waiting"], found["tobari_object_bytes"]) == (1, 0, 0)


def test_nothing_of_a_request_is_in_them(tmp_path: Path) -> None:
    with running.host(tmp_path, metrics_port=0) as host:
        host.http.get(f"/v1/{CANARY}?{CANARY}=1", headers={CANARY: CANARY, "user-agent": CANARY})
        host.http.request(CANARY.upper(), "/v1/call", content=CANARY)
        host.http.put(f"/v1/objects/{'ab' * 32}", content=CANARY)
        host.call(b"query:" + CANARY.encode())
        text = httpx2.get(host.serving["metrics_url"] + "/metrics").text
        assert CANARY not in text.lower()
        assert "ab" * 8 not in text
        assert "127.0.0.1" not in text


def test_they_are_on_loopback_alone_and_not_at_the_public_address(tmp_path: Path) -> None:
    with running.host(tmp_path, metrics_port=0) as host:
        assert host.http.get("/metrics").status_code == 404
        url = httpx2.URL(host.serving["metrics_url"])
        assert url.host == "127.0.0.1"
        own = next((a for a in socket.gethostbyname_ex(socket.gethostname())[2] if not a.startswith("127.")), None)
        if own is not None:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((own, url.port or 0), timeout=2)
        assert httpx2.get(f"{url}/metrics", headers={"host": "attacker.example"}).status_code == 400
        assert httpx2.get(f"{url}/other").status_code == 404


def test_there_are_none_unless_asked_for(tmp_path: Path) -> None:
    assert HostConfig(data=tmp_path, genesis=b"", virtual_root_path=tmp_path).metrics_port is None
    with running.host(tmp_path) as host:
        assert host.serving["metrics_url"] is None


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/call", "/v1/call"),
        ("/v1/objects/" + "0" * 64, "/v1/objects/"),
        ("/v1/ledger/tile/0/x001/002", "/v1/ledger/tile/"),
        ("/v1/ledger/checkpoint", "/v1/ledger/checkpoint"),
        ("/v1/calls", "other"),
        ("", "other"),
    ],
)
def test_a_path_is_counted_by_its_route(path: str, route: str) -> None:
    assert route_of(path) == route


def test_labels_are_bounded_whatever_is_asked() -> None:
    metrics = Metrics()
    for n in range(1000):
        metrics.request(f"/{n}", f"M{n}", 404, 0.1)
    assert len(next(iter(metrics._requests.collect())).samples) == 2  # the count, and when it began
