"""The root: what is loaded for what, exit codes, and what is said of errors. Real processes where exit codes count."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

import pytest

import tobari
from tests.cli.running import ENVIRONMENT, ROOT, document, invoke, run
from tests.tools import logs, machines
from tobari.base.errors import Refused
from tobari.cli import texts
from tobari.cli.root import AREAS, COMMANDS

HEAVY = ("tobari.enclave", "tobari.host", "starlette", "uvicorn", "duckdb", "pyarrow", "sqlglot", "numpy")
LOADED = """
import sys
from tobari.cli.main import main
try:
    main()
finally:
    print("LOADED", *sys.modules, file=sys.stderr)
"""


def loaded(*words: object) -> list[str]:
    """What the command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
        env={**ENVIRONMENT, "TOBARI_HOME": "/nonexistent"},
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stderr.partition("LOADED ")[2].split()


@pytest.fixture
def files(tmp_path: pathlib.Path) -> pathlib.Path:
    """Evidence, a policy, a mirrored log and a receipt."""
    (tmp_path / "evidence.cbor").write_bytes(machines.HONEST.bundle().encode())
    (tmp_path / "policy.toml").write_text(machines.POLICY.to_toml(), encoding="utf-8")
    log = logs.Log.make(3)
    (tmp_path / "one.tlog-proof").write_text(log.receipt(1).encode(), encoding="utf-8")
    for name, data in log.files().items():
        path = tmp_path / "mirror" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("verify", "--help"),
        ("verify", "evidence", "evidence.cbor", "--policy", "policy.toml", "--at", "2027-01-15T08:00:00Z", "--json"),
        ("verify", "log", "mirror", "--service", logs.KEY.vkey, "--json"),
        ("verify", "receipt", "one.tlog-proof", "--service", logs.KEY.vkey, "--json"),
        ("verify", "receipt", "one.tlog-proof"),
        *((name, "--help") for name in (*COMMANDS, *AREAS)),
    ],
    ids=" ".join,
)
def test_neither_enclave_nor_host_is_loaded(words: tuple[str, ...], files: pathlib.Path) -> None:
    there = {path.name: path for path in files.iterdir()}
    found = loaded(*(there.get(word, word) for word in words))
    assert "tobari.cli.main" in found
    assert [name for name in found if name.startswith(HEAVY)] == []


def test_help_loads_no_command() -> None:
    found = loaded("--help")
    assert [name for name in found if name in {*COMMANDS.values(), *AREAS.values(), "tobari.client", "httpx2"}] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--help",), 0),
        (("--version",), 0),
        ((), 2),
        (("nothing",), 2),
        (("verify", "evidence"), 2),
        (("up",), 2),
        (("call", "currency", "transfer", "amount"), 2),
        (("verify", "log", "http://127.0.0.1:1/path"), 2),
        (("up", "--genesis", "pyproject.toml", "--url", "nowhere"), 2),
        (("verify", "log", "http://127.0.0.1:1/"), 1),
        (("verify", "evidence", "pyproject.toml"), 3),
        (("verify", "receipt", "pyproject.toml"), 3),
        (("verify", "log", "no-such-folder"), 3),
        (("join", "http://127.0.0.1:1/"), 3),
        (("keys", "show", "nobody"), 1),
        (("call", "currency", "total"), 1),
    ],
    ids=str,
)
def test_exit_codes(words: tuple[str, ...], code: int, tmp_path: pathlib.Path) -> None:
    done = run(*words, env={"TOBARI_HOME": str(tmp_path)})
    assert done.returncode == code
    assert "Traceback" not in done.stdout + done.stderr
    if code in (1, 3):
        assert re.search(r"\[[a-z]+\.[a-z_]+\]\n\Z", done.stderr)
    if code != 2:
        return
    document_of = run(*words, "--json", env={"TOBARI_HOME": str(tmp_path)})
    assert document_of.returncode == 2
    assert json.loads(document_of.stdout)["error"]["code"] == "cli.usage"


def test_the_version() -> None:
    assert invoke("--version").stdout == f"tobari {tobari.__version__}\n"


def test_a_fault_of_the_program_shows_no_traceback_and_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError("secret")

    monkeypatch.setattr("tobari.cli.machine.examine", fail)
    result = invoke("doctor", "--json")
    assert (result.exit_code, document(result)["error"]["code"]) == (1, "cli.crash")
    assert "secret" not in result.stdout + result.stderr


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ModuleNotFoundError("No module named 'starlette'", name="starlette")

    monkeypatch.setattr("tobari.cli.machine.examine", fail)
    result = invoke("doctor", "--json")
    assert document(result)["error"]["code"] == "cli.extra"
    assert "pip install 'tobari[node]'" in result.stderr


def test_the_systems_refusal_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr("tobari.cli.machine.examine", fail)
    assert document(invoke("doctor", "--json"))["error"]["code"] == "cli.system"


def test_an_error_is_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise Refused("family.reason", "Say \x1b[2J this.")

    monkeypatch.setattr("tobari.cli.machine.examine", fail)
    result = invoke("doctor", "--json")
    assert document(result) == {"error": {"code": "family.reason", "message": "Say \x1b[2J this.", "status": 403}}
    assert result.stderr == "Say \\x1b[2J this. [family.reason]\n"
    assert "\x1b" not in result.stdout


def test_ctrl_c_has_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tobari.cli.machine.examine", interrupt)
    result = invoke("doctor", "--json")
    assert (result.exit_code, document(result)["error"]["code"]) == (130, "cli.interrupted")
    assert invoke("doctor").exit_code == 130


@pytest.mark.parametrize("module", ["typer", "tobari.cli.findings"])
def test_ctrl_c_during_imports_shows_no_traceback(module: str) -> None:
    interrupted = f"""
import sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
sys.argv = ["tobari", "doctor", "--json"]
from tobari.cli.main import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", interrupted], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (130, "cli.interrupted")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [["room", "query", "trial", "SELECT \udcff"], ["call", "\udcff"], ["\udcff"]], ids=ascii
)
def test_an_argument_that_is_not_text_is_a_usage_error(words: list[str]) -> None:
    for extra in ([], ["--json"]):
        done = run(*words, *extra)
        assert done.returncode == 2
        assert "not text in UTF-8" in done.stderr
        assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "cli.usage"


@pytest.mark.parametrize("name", [*COMMANDS, *AREAS])
def test_every_help_has_an_example(name: str) -> None:
    shown = invoke(name, "--help").stdout
    assert "Example:\n" in shown
    assert f"tobari {name}" in shown.partition("Example:")[2]


@pytest.mark.parametrize("environment", [{"TOBARI_LANG": "ja"}, {"TOBARI_LANG": "", "LANG": "ja_JP.UTF-8"}])
def test_help_in_japanese(environment: dict[str, str]) -> None:
    done = run("--help", env=environment)
    assert "サービスを起動します" in done.stdout
    assert "招待" in run("join", "--help", env=environment).stdout


def test_both_languages_take_the_same_values() -> None:
    for english, japanese in texts._CATALOGUE.values():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", japanese))
