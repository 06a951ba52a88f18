"""Every example of docs/reference/sdk.md, run in order against a service on a real socket."""

from __future__ import annotations

import http.server
import pathlib
import re
import threading
from collections.abc import Iterator

import httpx2
import pytest

from tests.tools.service import MemoryService
from tobari.client.profile import Profile
from tobari.client.session import Session

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "sdk.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def handler(service: MemoryService) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = httpx2.Request(self.command, f"http://x{self.path}", headers=dict(self.headers), content=body)
            response = service._serve(request)
            response.read()
            self.send_response(response.status_code)
            self.send_header("content-type", response.headers.get("content-type", ""))
            self.send_header("content-length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_HEAD = do_POST = do_PUT = serve

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def url(service: MemoryService) -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), handler(service)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_example_runs(service: MemoryService, url: str, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TOBARI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_bytes(b"a,b\n1,2\n")
    with Session.connect(url, policy=service.policy, trust=Profile.default().trust) as session:
        invite_url = session.invite(service.policy.to_toml()).encode()
    # The page calls the issuer alice, and makes her key; here she has it already.
    page = (
        "\n".join(BLOCKS)
        .replace('profile.create_key("alice")', "alice(profile)")
        .replace('"to": "alice"', '"to": "bank"')
    )

    def alice(profile: Profile):
        profile.add_key("alice", service.keys["bank"])
        return profile.key("alice")

    names = {"invite_url": invite_url, "alice": alice}
    exec(compile(page, str(PAGE), "exec"), names)
    names["session"].close()
    assert (tmp_path / "copy.csv").read_bytes() == b"a,b\n1,2\n"
    said = capsys.readouterr().out
    assert said.startswith("Virtual platform: no hardware protection")
    assert "8. They name the value that was given." in said
