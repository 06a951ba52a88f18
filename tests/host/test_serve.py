"""tobari.host.serve: real processes, started, stopped, killed and started again."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.host import running
from tests.host.fake_enclave import NOTE_KEY
from tobari.base import wire
from tobari.base.errors import Conflict, NotFound, Refused, Unavailable
from tobari.base.messages.relay import MAX_RELAYED, Relayed
from tobari.host.datadir import DataDirectory
from tobari.host.http_server import bind
from tobari.host.serve import serve
from tobari.host.store import LogStore
from tobari.ledger.checkpoint import open_checkpoint


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int) -> bool:
    """Whether that process has ended, within a few seconds."""
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop_and_the_next_start(tmp_path: Path, number: signal.Signals) -> None:
    with running.host(tmp_path) as host:
        assert host.serving["tree_size"] == 1
        assert host.http.get("/readyz").json()["vkey"] == host.serving["vkey"] == NOTE_KEY.vkey
        assert host.call(b"append:4").status_code == 200
        (enclave,) = children(host.process.pid)
        host.process.send_signal(number)
        code, out, err = host.ended()
        assert (code, out) == (0, "")
        assert "this line belongs on standard error" in err
        assert gone(enclave)
    store = LogStore(tmp_path / "data" / "log.sqlite")
    kept = store.kept()
    store.close()
    assert (kept.log_size, kept.sealed, kept.snapshot) == (5, b"sealed state", b"snapshot")
    assert kept.checkpoint is not None
    assert open_checkpoint(kept.checkpoint, NOTE_KEY).tree_size == 5
    with running.host(tmp_path) as host:
        assert host.serving["tree_size"] == 6


def test_calls_in_progress_are_answered_before_the_stop(tmp_path: Path) -> None:
    with running.host(tmp_path) as host:
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda: answers.append(host.call(b"append:50").status_code)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        while not answers:
            time.sleep(0.001)
        host.process.terminate()
        for thread in threads:
            thread.join()
        assert host.ended()[0] == 0
        assert answers == [200] * 8 or set(answers) == {200}


def test_what_was_answered_survives_a_killed_host(tmp_path: Path) -> None:
    for _ in range(2):
        sizes = [0]
        with running.host(tmp_path) as host:
            (enclave,) = children(host.process.pid)
            killer = threading.Timer(0.3, host.process.kill)
            killer.start()
            try:
                while True:
                    relayed = wire.from_cbor(host.call(b"append:7").content, Relayed, max_bytes=MAX_RELAYED)
                    sizes.append(open_checkpoint(relayed.checkpoint, NOTE_KEY).tree_size)
            except Exception:
                killer.join()
            assert host.ended()[0] == -signal.SIGKILL
            assert gone(enclave), "an enclave without a host ends"
        assert len(sizes) > 1
        store = LogStore(tmp_path / "data" / "log.sqlite")
        assert store.size >= sizes[-1]
        store.close()


@pytest.mark.parametrize(
    ("word", "told"),
    [(b"exit", "host.enclave_gone"), (b"die", "host.enclave_gone"), (b"halt", "log.altered"), (b"gap", "store.gap")],
)
def test_when_the_enclave_ends_the_host_ends_with_1(tmp_path: Path, word: bytes, told: str) -> None:
    with running.host(tmp_path) as host:
        answer = host.call(word)
        assert (answer.status_code, answer.json()["code"]) == (503, "host.enclave_gone")
        code, _, err = host.ended()
        assert code == 1
        assert told in err
        assert "Traceback" not in err
    with running.host(tmp_path) as host:
        assert host.call(b"append").status_code == 200


def test_a_killed_enclave_ends_the_host(tmp_path: Path) -> None:
    with running.host(tmp_path) as host:
        (enclave,) = children(host.process.pid)
        os.kill(enclave, signal.SIGKILL)
        assert host.ended()[0] == 1


def test_a_stop_while_the_enclave_boots_is_clean(tmp_path: Path) -> None:
    silent = "import socket, sys; s = socket.socket(fileno=int(sys.argv[2])); all(iter(lambda: s.recv(65536), b''))"
    config = dataclasses.replace(running.config(tmp_path), enclave_command=(sys.executable, "-I", "-c", silent))
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    assert serve(config) == 0
    timer.join()


def test_an_enclave_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        serve(dataclasses.replace(running.config(tmp_path), enclave_command=("/nonexistent",)))
    with pytest.raises(NotFound, match="No such file"):
        serve(dataclasses.replace(running.config(tmp_path), virtual_root_path=tmp_path / "missing"))
    with DataDirectory(tmp_path / "data"):
        pass


def test_an_enclave_that_does_not_stop_is_ended(tmp_path: Path) -> None:
    with running.host(tmp_path, stop_seconds=1.0) as host:
        (enclave,) = children(host.process.pid)
        os.kill(enclave, signal.SIGSTOP)
        host.process.terminate()
        code, _, err = host.ended()
        assert (code, "host.stop" in err) == (1, True)
        assert gone(enclave)


def test_the_fake_is_told_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The fake asserts that its environment is empty and that it can read the root.
    monkeypatch.setenv("PLANTED", "secret")
    with running.host(tmp_path) as host:
        (enclave,) = children(host.process.pid)
        assert b"PLANTED" not in Path(f"/proc/{enclave}/environ").read_bytes()
        links = {os.readlink(f"/proc/{enclave}/fd/{fd}") for fd in os.listdir(f"/proc/{enclave}/fd")}
        assert not any(link.endswith(("log.sqlite", "lock")) for link in links)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data"), pytest.raises(Conflict) as caught:
        serve(running.config(tmp_path))
    assert caught.value.code == "host.locked"


def test_the_root_must_lie_elsewhere(tmp_path: Path) -> None:
    config = running.config(tmp_path)
    inside = config.data / "root"
    config.data.mkdir()
    inside.write_bytes(b"root secret")
    (tmp_path / "link").symlink_to(inside)
    for path in (inside, tmp_path / "link"):
        with pytest.raises(Refused) as caught:
            serve(dataclasses.replace(config, virtual_root_path=path))
        assert caught.value.code == "host.root_in_data"


def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    with running.host(tmp_path) as host, host.connect() as taken:
        port = taken.getpeername()[1]
        with pytest.raises(Conflict) as caught:
            serve(dataclasses.replace(running.config(tmp_path), data=tmp_path / "other", port=port))
        assert caught.value.code == "host.address"


def test_the_data_directory_is_its_owners_alone(tmp_path: Path) -> None:
    with running.host(tmp_path):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_answers_do_not_wait_for_acknowledgements(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
