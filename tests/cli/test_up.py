"""A real `tobari up`, and everything a member does with it, through the command line alone."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.cli.running import ENVIRONMENT, ROOT, document, invoke
from tobari.base.errors import Refused
from tobari.base.messages.genesis import from_toml
from tobari.cli.virtual_root import ensure_root
from tobari.client.invite import parse
from tobari.evidence.policy import Platforms

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

[columns.days]
type = "integer"
role = "measure"
uses = ["aggregate"]
aggregates = ["AVG", "COUNT", "SUM"]
"""
SQL = "SELECT sex, COUNT(*) AS n, SUM(days) AS days FROM room GROUP BY sex ORDER BY sex"


@dataclasses.dataclass
class Node:
    """A service that runs, and the members' profile."""

    folder: pathlib.Path
    env: dict[str, str]
    said: dict[str, Any]
    process: subprocess.Popen[str]

    def tobari(self, *words: object, code: int = 0) -> Any:
        """The document of a command that ends with that exit code."""
        result = invoke(*words, "--json", env=self.env)
        assert result.exit_code == code, result.output
        return document(result)


def start(folder: pathlib.Path, env: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tobari.cli.main", "up", "--genesis", folder / "genesis.toml", "--port", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, **env},
    )


@contextlib.contextmanager
def running(folder: pathlib.Path, env: dict[str, str]) -> Iterator[Node]:
    """A service over the data of `folder`; it must stop cleanly."""
    process = start(folder, env, "--json")
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "}\n":
                break
        assert lines, process.communicate()[1]
        yield Node(folder=folder, env=env, said=json.loads("".join(lines)), process=process)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert errors.startswith("Virtual platform: no hardware protection.")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("up")
    env = {"TOBARI_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state")}
    keys = {name: document(invoke("keys", "new", name, "--json", env=env))["public"] for name in ("alice", "bob")}
    (folder / "genesis.toml").write_text(GENESIS.format(**keys), encoding="utf-8")
    (folder / "terms.toml").write_text(TERMS, encoding="utf-8")
    with running(folder, env) as found:
        joined = found.tobari("join", found.said["invite"], "--name", "trial", "--key", "alice")
        assert (joined["verdict"], len(joined["steps"])) == ("accepted", 12)
        assert joined["warnings"][0]["code"] == "virtual"
        yield found


def test_what_it_says_when_it_is_ready(node: Node) -> None:
    about = {"url", "service", "configuration", "origin", "vkey", "tree_size", "metrics"}
    assert set(node.said) == about | {"invite", "warnings"}
    configuration = hashlib.sha256(from_toml((node.folder / "genesis.toml").read_text("utf-8")).encode())
    assert node.said["configuration"] == configuration.hexdigest()
    assert node.said["invite"].startswith(node.said["url"] + "/#tobari1.")
    root = node.folder / "state" / "tobari" / "virtual-root"
    assert (root.stat().st_size, root.stat().st_mode & 0o777) == (32, 0o600)


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "jq"))), reason="the page uses curl and jq")
def test_the_page_about_evidence_can_be_followed(node: Node, tmp_path: pathlib.Path) -> None:
    page = (ROOT / "docs" / "howto" / "verify-offline.md").read_text("utf-8")
    section = page.partition("## Evidence")[2].partition("\n## ")[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    assert len(lines) == 5
    script = "\n".join(["set -e", f'tobari() {{ "{sys.executable}" -m tobari.cli.main "$@"; }}', *lines])
    done = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
        env={**os.environ, **ENVIRONMENT, **node.env, "URL": node.said["url"]},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Accepted:") == 2


def test_an_invite_with_another_policy_replaces_nothing_before_the_member_says_so(node: Node) -> None:
    genuine = parse(node.said["invite"])
    table = genuine.policy.platform.virtual
    assert table is not None
    wider = Platforms(virtual=msgspec.structs.replace(table, roots=[*table.roots, "ee" * 32]))
    policy = msgspec.structs.replace(genuine.policy, platform=wider).to_toml()
    forged = dataclasses.replace(genuine, url="http://127.0.0.1:1", policy_text=policy).encode()
    kept = node.folder / "home" / "services" / "trial.json"
    before = kept.read_bytes()
    refused = node.tobari("join", forged, code=1)
    assert refused["error"]["code"] == "client.policy_differs"
    assert [entry["what"] for entry in refused["differences"]] == ["platform.virtual.roots", "url"]
    assert kept.read_bytes() == before
    result = invoke("join", forged, env=node.env)
    assert f"platform.virtual.roots\n    - {table.roots[0]}\n    + {table.roots[0]}, {'ee' * 32}\n" in result.stderr

    there = dataclasses.replace(genuine, policy_text=policy).encode()
    replaced = node.tobari("join", there, "--replace")
    assert (replaced["name"], len(replaced["differences"])) == ("trial", 1)
    assert (json.loads(kept.read_bytes())["policy"], json.loads(kept.read_bytes())["key"]) == (policy, "alice")
    assert node.tobari("join", node.said["invite"], "--replace")["verdict"] == "accepted"
    assert json.loads(kept.read_bytes())["policy"] == genuine.policy_text


def test_a_known_service_at_another_address_passes_the_policy_held_and_is_noted(node: Node) -> None:
    port = node.said["url"].rpartition(":")[2]
    moved = dataclasses.replace(parse(node.said["invite"]), url=f"http://localhost:{port}").encode()
    joined = node.tobari("join", moved)
    assert (joined["verdict"], [entry["what"] for entry in joined["differences"]]) == ("accepted", ["url"])
    assert node.tobari("join", node.said["invite"])["differences"][0]["held"] == f"http://localhost:{port}"


def test_a_member_holds_the_service_against_its_own_copy_of_the_genesis_file(node: Node) -> None:
    own = node.folder / "genesis.toml"
    joined = node.tobari("join", node.said["invite"], "--genesis", own)
    assert joined["configuration"] == node.said["configuration"]
    other = node.folder / "other.toml"
    other.write_text(own.read_text("utf-8").replace('roles = ["owner"]', 'roles = ["owner", "analyst"]'), "utf-8")
    assert node.tobari("join", node.said["invite"], "--genesis", other, code=1)["error"]["code"] == (
        "evidence.configuration"
    )
    genuine = parse(node.said["invite"])
    silent = msgspec.structs.replace(genuine.policy, configuration=None).to_toml()
    open_invite = dataclasses.replace(genuine, policy_text=silent).encode()
    refused = node.tobari("join", open_invite, "--genesis", other, "--replace", code=1)
    assert (refused["error"]["code"], refused["steps"][-1]["number"]) == ("evidence.configuration", 10)
    assert node.tobari("join", open_invite, "--genesis", own)["differences"] == [], "narrowed to the policy held"


def test_a_command_its_receipt_and_the_log(node: Node) -> None:
    path = node.folder / "issue.tlog-proof"
    done = node.tobari("call", "currency", "issue", "to=alice", "amount=100", "--receipt", path)
    assert (done["status"], done["value"]) == ("COMMITTED", 100)
    assert done["receipt"]["cosigned"] == "uncosigned"
    asked = node.tobari("call", "currency", "balance", "--query")
    assert (asked["status"], asked["value"], asked["receipt"]) == ("ANSWERED", 100, None)

    proven = node.tobari("verify", "receipt", path)
    assert (proven["verdict"], proven["index"]) == ("accepted", done["receipt"]["index"])
    mirror = node.folder / "mirror"
    online = node.tobari("verify", "log", node.said["url"], "--save", mirror)
    offline = node.tobari("verify", "log", mirror, "--service", node.said["vkey"])
    assert online["entries"] == offline["entries"] >= done["receipt"]["tree_size"]


def test_a_refusal_is_proven_too(node: Node) -> None:
    path = node.folder / "refused.tlog-proof"
    done = node.tobari("call", "currency", "transfer", "to=bob", "amount=100000", "--receipt", path, code=1)
    assert (done["status"], done["error"]["code"]) == ("INVALID", "currency.funds")
    assert node.tobari("verify", "receipt", path)["status"] == "INVALID"


def test_a_key_that_is_no_members(node: Node) -> None:
    node.tobari("keys", "new", "stranger")
    done = node.tobari("call", "currency", "total", "--key", "stranger", code=1)
    assert done["error"]["code"] == "command.foreign_key"


def test_text_says_where_the_log_holds_it(node: Node) -> None:
    result = invoke("call", "currency", "issue", "to=bob", "amount=1", env=node.env)
    assert result.exit_code == 0
    assert "Committed: entry" in result.stdout
    assert "(uncosigned)" in result.stdout
    assert result.stderr.startswith("Virtual platform")


def test_a_room_from_contribution_to_withdrawal(node: Node) -> None:
    for owner in ("alice", "bob"):
        path = node.folder / f"{owner}.csv"
        rows = [f"{owner}{i},{'f' if i % 3 else 'm'},{i}" for i in range(12)]
        path.write_text("\n".join(["patient,sex,days", *rows]) + "\n", encoding="utf-8")
    contribute = ("dataset", "contribute", "--terms", node.folder / "terms.toml")
    first = node.tobari(*contribute, node.folder / "alice.csv")
    second = node.tobari(*contribute, node.folder / "bob.csv", "--key", "bob")
    assert (first["state"], first["rows"], second["entities"]) == ("ready", 12, 12)

    described = node.tobari("room", "describe", "trial")
    assert [entry["owner"] for entry in described["datasets"]].count("bob") == 1
    assert described["datasets"][0]["terms"]["min_group"] == 5

    answer = node.tobari("room", "query", "trial", SQL, "--receipt", node.folder / "query.tlog-proof")
    assert answer["columns"] == ["sex", "n", "days"]
    assert answer["rows"] == [["f", 16, 2 * (66 - 18)], ["m", 8, 2 * 18]]
    assert node.tobari("verify", "receipt", node.folder / "query.tlog-proof")["status"] == "COMMITTED"

    again = invoke("room", "query", "trial", SQL, "--output", "csv", env=node.env)
    assert list(csv.reader(io.StringIO(again.stdout)))[1] == ["f", "16", "96"]
    assert [entry["id"] for entry in node.tobari("room", "releases", "trial")["releases"]] == [answer["id"]]
    assert node.tobari("room", "release", answer["id"])["rows"] == answer["rows"]
    assert node.tobari("room", "release", answer["id"], "--key", "bob", code=1)["error"]["code"] == "room.release"

    refused = node.tobari("room", "query", "trial", "SELECT patient FROM room", code=1)
    assert refused["error"]["code"].startswith("query.")

    assert node.tobari("dataset", "withdraw", second["dataset"], "--key", "bob")["state"] == "withdrawn"
    described = node.tobari("room", "describe", "trial", "--key", "bob")["datasets"]
    assert {entry["dataset"]: entry["state"] for entry in described}[second["dataset"]] == "withdrawn"
    shown = invoke("room", "describe", "trial", "--key", "bob", env=node.env)
    assert (shown.exit_code, f"{second['dataset']}, withdrawn" in shown.stdout) == (0, True)


def test_a_file_that_does_not_fit_is_not_sent(node: Node) -> None:
    path = node.folder / "short.csv"
    path.write_text("patient,sex\np,f\n", encoding="utf-8")
    found = node.tobari("dataset", "contribute", path, "--terms", node.folder / "terms.toml", code=3)
    assert found["error"]["code"] == "dataset.column"


def test_doctor_appraises_the_service(node: Node) -> None:
    checks = document(invoke("doctor", "--json", env=node.env))["checks"]
    assert "12 steps hold" in next(check for check in checks if check["name"] == "service trial")["found"]


def test_the_data_directory_is_held_by_one(node: Node) -> None:
    second = start(node.folder, node.env, "--json")
    said, errors = second.communicate(timeout=30)
    assert (second.returncode, json.loads(said)["error"]["code"]) == (1, "host.locked"), errors


def test_a_restart_goes_on_where_it_stopped(tmp_path: pathlib.Path) -> None:
    env = {"TOBARI_HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}
    keys = {name: document(invoke("keys", "new", name, "--json", env=env))["public"] for name in ("alice", "bob")}
    (tmp_path / "genesis.toml").write_text(GENESIS.format(**keys), encoding="utf-8")
    with running(tmp_path, env) as node:
        node.tobari("join", node.said["invite"], "--name", "first", "--key", "alice")
        node.tobari("call", "currency", "issue", "to=alice", "amount=7")
        service = node.said["service"]
    with running(tmp_path, env) as node:
        assert node.said["service"] == service
        node.tobari("join", node.said["invite"], "--name", "second", "--key", "alice")
        assert node.tobari("call", "currency", "balance", "--query", "--service", "second")["value"] == 7
        assert node.tobari("verify", "log", node.said["url"], "--service", "second")["earlier_tree_size"] >= 3


def test_a_root_inside_the_data_directory_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refused) as caught:
        ensure_root(tmp_path / "data" / "root", data=tmp_path / "data")
    assert caught.value.code == "host.root_in_data"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("size", "mode"), [(31, 0o600), (32, 0o640)])
def test_a_root_that_is_none(size: int, mode: int, tmp_path: pathlib.Path) -> None:
    (tmp_path / "root").write_bytes(bytes(size))
    (tmp_path / "root").chmod(mode)
    with pytest.raises(Refused) as caught:
        ensure_root(tmp_path / "root", data=tmp_path / "data")
    assert caught.value.code == "cli.root_file"


def test_a_genesis_file_that_is_none(tmp_path: pathlib.Path) -> None:
    (tmp_path / "genesis.toml").write_text("name = 1", encoding="utf-8")
    result = invoke("up", "--genesis", tmp_path / "genesis.toml", "--json", env={"XDG_STATE_HOME": str(tmp_path)})
    assert (result.exit_code, document(result)["error"]["code"]) == (3, "genesis.malformed")


def test_without_a_genesis_file_it_says_how_to_make_one() -> None:
    result = invoke("up")
    assert result.exit_code == 2
    assert "tobari keys new" in result.stderr
    assert "docs/howto/run-a-node.md" in result.stderr
