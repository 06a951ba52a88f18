"""`tobari keys`: made once, private, and never shown but for their public half."""

from __future__ import annotations

import pathlib

import pytest

from tests.cli.running import document, invoke
from tobari.client.profile import Profile


@pytest.fixture
def env(tmp_path: pathlib.Path) -> dict[str, str]:
    return {"TOBARI_HOME": str(tmp_path / "home")}


def test_new_list_show(env: dict[str, str]) -> None:
    made = document(invoke("keys", "new", "alice", "--json", env=env))
    assert made == document(invoke("keys", "show", "alice", "--json", env=env))
    assert document(invoke("keys", "list", "--json", env=env)) == {"keys": [made]}
    assert invoke("keys", "show", "alice", env=env).stdout == made["public"] + "\n"
    assert invoke("keys", "list", env=env).stdout == f"alice  {made['public']}\n"


def test_the_secret_is_never_printed(env: dict[str, str]) -> None:
    shown = [invoke("keys", *words, env=env) for words in (["new", "a"], ["show", "a"], ["list"])]
    secret = Profile(pathlib.Path(env["TOBARI_HOME"])).key("a").seed.hex()
    assert not any(secret in result.stdout + result.stderr for result in shown)


@pytest.mark.parametrize(("name", "code"), [("alice", "client.key_exists"), ("No Name", "client.name")])
def test_refused(name: str, code: str, env: dict[str, str]) -> None:
    invoke("keys", "new", "alice", env=env)
    result = invoke("keys", "new", name, "--json", env=env)
    assert (result.exit_code, document(result)["error"]["code"]) == (1, code)


def test_a_key_that_others_can_read_is_refused(env: dict[str, str]) -> None:
    invoke("keys", "new", "alice", env=env)
    next((pathlib.Path(env["TOBARI_HOME"]) / "keys").glob("alice*")).chmod(0o644)
    result = invoke("keys", "show", "alice", "--json", env=env)
    assert (result.exit_code, document(result)["error"]["code"]) == (1, "client.not_private")
