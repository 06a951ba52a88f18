"""`tobari call` and `tobari room`: what becomes of a receipt that cannot be saved, and of rooms that hold nothing."""

from __future__ import annotations

import contextlib
import errno
import pathlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.running import document, invoke
from tests.tools import logs

ID = bytes(range(16))


class Session:
    """Answers every command with one receipt, and says that every room is empty."""

    def sign(self, *command: Any) -> Any:
        return command

    def send(self, *commands: Any) -> list[Any]:
        receipt = logs.Log.make(3).receipt(1)
        return [SimpleNamespace(id=ID, status="COMMITTED", value=5, error=None, receipt=receipt)]

    def query(self, program: str, query: str, arguments: Any) -> list[Any]:
        return []


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def connected(*_: Any) -> Iterator[Session]:
        yield Session()

    # First the module that has taken the name: imported under the patch, it would keep the stand-in for good.
    monkeypatch.setattr("tobari.cli.questions.connected", connected)
    monkeypatch.setattr("tobari.cli.connection.connected", connected)


@pytest.mark.parametrize("words", [("call", "currency", "mint"), ("room", "query", "trial", "SELECT 1")], ids=" ".join)
def test_a_receipt_without_a_folder_is_seen_before_signing(words: tuple[str, ...], tmp_path: pathlib.Path) -> None:
    # No service is known: whoever gets as far as signing ends with exit code 1.
    place = tmp_path / "nowhere" / "one.tlog-proof"
    result = invoke(*words, "--receipt", place, env={"TOBARI_HOME": str(tmp_path)})
    assert result.exit_code == 2
    assert "nowhere" in result.stderr.replace("\n", "")
    assert invoke(*words, "--receipt", tmp_path, "--json").exit_code == 2


def test_a_receipt_that_cannot_be_saved_leaves_the_result(
    service: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tobari.client.receipts.save_receipt", full)
    result = invoke("call", "currency", "mint", "--receipt", tmp_path / "one", "--json")
    found = document(result)
    assert (found["id"], found["value"], found["receipt"]["file"]) == (ID.hex(), 5, None)
    assert (result.exit_code, found["error"]["code"]) == (1, "cli.receipt")
    assert f"{ID.hex()} is committed; the receipt was not saved" in result.stderr


@pytest.mark.parametrize("command", ["describe", "releases"])
def test_a_room_that_holds_nothing_is_an_error(service: None, command: str) -> None:
    result = invoke("room", command, "nowhere", "--json")
    assert (result.exit_code, document(result)["error"]["code"]) == (1, "cli.no_room")
