"""`tobari verify log` and `receipt`: offline, against a key one knows, and what is shown without one."""

from __future__ import annotations

import pathlib

import pytest

from tests.cli.running import document, invoke
from tests.tools import logs
from tests.tools.logs import KEY, Log
from tobari.client.attestation import service_id_of
from tobari.client.profile import Profile
from tobari.client.trust import Seen
from tobari.crypto.signing import SigningKey
from tobari.ledger.note import NoteKey

SIZE = 300
STRANGER = NoteKey(name=logs.ORIGIN, key=SigningKey.from_seed(b"s" * 32).public)


def write(folder: pathlib.Path, log: Log) -> pathlib.Path:
    for name, data in log.files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture
def mirror(tmp_path: pathlib.Path) -> pathlib.Path:
    return write(tmp_path / "mirror", Log.make(SIZE))


@pytest.fixture
def receipt(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "receipt.tlog-proof"
    path.write_text(Log.make(SIZE).receipt(7).encode(), encoding="utf-8")
    return path


@pytest.fixture
def env(tmp_path: pathlib.Path) -> dict[str, str]:
    return {"TOBARI_HOME": str(tmp_path / "home")}


def test_a_log_that_holds(mirror: pathlib.Path, env: dict[str, str]) -> None:
    result = invoke("verify", "log", mirror, "--service", KEY.vkey, "--json", env=env)
    found = document(result)
    assert result.exit_code == 0
    assert (found["verdict"], found["origin"], found["entries"]) == ("accepted", logs.ORIGIN, SIZE)
    assert found["root_hash"] == Log.make(SIZE).tree.root().hex()
    assert found["cosigned"] == "uncosigned"
    assert "The log holds: 300 entries" in invoke("verify", "log", mirror, "--service", KEY.vkey, env=env).stdout


def test_saving_makes_a_mirror_that_holds(mirror: pathlib.Path, tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    copy = tmp_path / "copy"
    assert invoke("verify", "log", mirror, "--service", KEY.vkey, "--save", copy, env=env).exit_code == 0
    files = {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert files == {path.relative_to(mirror): path.read_bytes() for path in mirror.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("path", "code"),
    [("tile/entries/000", "ledger.altered"), ("tile/0/000", "ledger.tile"), ("tile/public/000", "ledger.public_body")],
)
def test_an_altered_log_is_refused(path: str, code: str, mirror: pathlib.Path, env: dict[str, str]) -> None:
    data = bytearray((mirror / path).read_bytes())
    data[40] ^= 1
    (mirror / path).write_bytes(data)
    result = invoke("verify", "log", mirror, "--service", KEY.vkey, "--json", env=env)
    found = document(result)
    assert (result.exit_code, found["verdict"], found["reason"]) == (1, "refused", code)
    assert found["unverified"]["origin"] == logs.ORIGIN


def test_a_folder_that_is_no_log(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    result = invoke("verify", "log", tmp_path, "--service", KEY.vkey, "--json", env=env)
    assert (result.exit_code, document(result)["reason"]) == (1, "ledger.missing")


@pytest.mark.parametrize("seen", [SIZE - 1, SIZE, SIZE + 1])
def test_the_checkpoint_seen_earlier_counts(seen: int, mirror: pathlib.Path, env: dict[str, str]) -> None:
    log = Log.make(seen)
    kept = Seen(checkpoint=log.checkpoint(), note=log.note(), seen_at=logs.START)
    trust = Profile(pathlib.Path(env["TOBARI_HOME"])).trust
    assert trust.replace(service_id_of(KEY.key), kept, expected=None, key=KEY)
    result = invoke("verify", "log", mirror, "--service", KEY.vkey, "--json", env=env)
    if seen > SIZE:
        assert (result.exit_code, document(result)["reason"]) == (1, "ledger.rollback")
    else:
        assert (result.exit_code, document(result)["earlier_tree_size"]) == (0, seen)


def test_a_receipt_that_holds(receipt: pathlib.Path, env: dict[str, str]) -> None:
    result = invoke("verify", "receipt", receipt, "--service", KEY.vkey, "--json", env=env)
    found = document(result)
    assert result.exit_code == 0
    assert (found["verdict"], found["index"], found["tree_size"]) == ("accepted", 7, SIZE)
    assert "entry 7 of" in invoke("verify", "receipt", receipt, "--service", KEY.vkey, env=env).stdout


def test_an_altered_receipt_is_refused(receipt: pathlib.Path, env: dict[str, str]) -> None:
    receipt.write_text(receipt.read_text("utf-8").replace("index 7\n", "index 8\n"), encoding="utf-8")
    result = invoke("verify", "receipt", receipt, "--service", KEY.vkey, "--json", env=env)
    assert (result.exit_code, document(result)["reason"]) == (1, "receipt.index")


@pytest.mark.parametrize("kind", ["log", "receipt"])
@pytest.mark.parametrize(
    ("service", "exit_code", "reason"),
    [
        (None, 1, "trust.no_anchor"),
        (STRANGER.vkey, 1, "note.unknown_key"),
        ("nobody", 1, "client.no_known_service"),
        ("no+vkey+AA==", 3, None),
    ],
)
def test_without_the_right_anchor(
    kind: str,
    service: str | None,
    exit_code: int,
    reason: str | None,
    mirror: pathlib.Path,
    receipt: pathlib.Path,
    env: dict[str, str],
) -> None:
    named = [] if service is None else ["--service", service]
    result = invoke("verify", kind, mirror if kind == "log" else receipt, *named, "--json", env=env)
    found = document(result)
    assert result.exit_code == exit_code
    if reason is not None:
        assert (found["verdict"], found["reason"], found["unverified"]["origin"]) == ("refused", reason, logs.ORIGIN)
        assert "accepted" not in result.stdout


def test_what_is_unverified_is_called_so(receipt: pathlib.Path, env: dict[str, str]) -> None:
    result = invoke("verify", "receipt", receipt, env=env)
    assert result.stdout.startswith("UNVERIFIED")
    assert result.stderr.endswith("[trust.no_anchor]\n")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"c2sp.org/tlog-proof@v1\n", b"x" * (1 << 20)])
def test_a_file_that_is_no_receipt(data: bytes, tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    path = tmp_path / "receipt"
    path.write_bytes(data)
    assert invoke("verify", "receipt", path, "--json", env=env).exit_code == 3
