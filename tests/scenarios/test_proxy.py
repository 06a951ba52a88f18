"""A real service, a real proxy, and every command of docs/howto/use-from-anything.md, as a reader would type them."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tobari.cli.demo.service import Service, own_environment
from tobari.client.profile import Profile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "howto" / "use-from-anything.md"
BLOCKS = re.findall(r"^```(sh|js)\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
SHELL = [text for kind, text in BLOCKS if kind == "sh"]
START, STOP = SHELL[0], SHELL[-1]
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

GENESIS = """
name = "trial"
programs = ["currency", "room"]

[[members]]
name = "alice"
key = "{alice}"
roles = ["issuer", "owner", "analyst"]

[[members]]
name = "bob"
key = "{bob}"
roles = ["owner"]
"""
TERMS = """
room = "trial"
purpose = "Survival by sex."
entity = "patient"
min_group = 5
recipients = ["alice"]

[columns.patient]
type = "text"
role = "identifier"

[columns.sex]
type = "text"
role = "quasi-identifier"
uses = ["group"]
"""
NEEDLE = "canary-5b1d4c"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Where a member of a running service works: joined as `trial`, with a key, data and terms."""
    folder = tmp_path_factory.mktemp("proxy")
    profile = Profile(folder / "profile")
    keys = {name: profile.create_key(name).public.raw.hex() for name in ("alice", "bob")}
    (folder / "genesis.toml").write_text(GENESIS.format(**keys), encoding="utf-8")
    (folder / "terms.toml").write_text(TERMS, encoding="utf-8")
    rows = [f"{NEEDLE}-{n},{'f' if n % 2 else 'm'}" for n in range(12)]
    (folder / "records.csv").write_text("\n".join(["patient,sex", *rows]) + "\n", encoding="utf-8")
    (folder / "example.mjs").write_text("".join(text for kind, text in BLOCKS if kind == "js"), encoding="utf-8")
    with Service(folder) as service:
        service.start()
        done = run(folder, f"tobari join '{service.said['invite']}' --name trial --key alice")
        assert done.returncode == 0, done.stderr
        yield folder
        assert service.stop() == 0


def run(folder: pathlib.Path, *script: str) -> subprocess.CompletedProcess[str]:
    """A shell script, with this installation's `tobari` on the path."""
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\necho\n".join(script)],
        cwd=folder,
        env={**own_environment(folder), "PATH": path, "TOBARI_LANG": "en"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@needs_curl
def test_every_command_of_the_guide_does_what_it_says(folder: pathlib.Path) -> None:
    done = run(folder, *(text for text in SHELL if "node " not in text))
    assert done.returncode == 0, done.stderr + done.stdout
    out = done.stdout
    answers = [json.JSONDecoder().raw_decode(line)[0] for line in out.splitlines() if line.startswith("{")]
    assert answers[0]["verdict"] == "accepted"
    assert [answer["code"] for answer in answers if "code" in answer] == ["currency.funds"]
    assert "refused, as it should be" in out
    assert out.count('"status":"COMMITTED"') == 7
    assert "The receipt holds: entry" in out
    assert next(a for a in answers if isinstance(a.get("value"), list))["value"][0]["owner"] == "alice"
    assert done.stderr.startswith("Virtual platform: no hardware protection.")
    assert "The proxy has stopped." in done.stderr
    assert NEEDLE not in done.stderr


@needs_node
def test_the_javascript_of_the_guide_does_what_it_says(folder: pathlib.Path) -> None:
    (use_node,) = (text for text in SHELL if "node " in text)
    done = run(folder, START, use_node, STOP)
    assert done.returncode == 0, done.stderr + done.stdout
    first, alice, bob, refusal = done.stdout.strip().splitlines()
    assert re.fullmatch(r"entry \d+: the supply is \d+", first)
    assert re.fullmatch(r"alice [0-9a-f]{64}", alice)
    assert re.fullmatch(r"bob [0-9a-f]{64}", bob)
    assert refusal.endswith("[member.unknown]")


def test_the_proxy_listens_on_loopback_alone(folder: pathlib.Path) -> None:
    done = run(folder, "tobari proxy --service trial --key alice --address 0.0.0.0")
    assert (done.returncode, "loopback only" in done.stderr) == (2, True)


def test_a_service_that_is_not_accepted_is_not_served(folder: pathlib.Path) -> None:
    kept = folder / "profile" / "services" / "trial.json"
    text = kept.read_text("utf-8")
    try:
        kept.write_text(text.replace("unsafe_allow_virtual = true", "unsafe_allow_virtual = false"), encoding="utf-8")
        done = run(folder, "tobari proxy --service trial --key alice --json")
    finally:
        kept.write_text(text, encoding="utf-8")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"].startswith("evidence.")
    assert "token" not in done.stdout
