"""What a user keeps: keys that nobody else can read, services, and the last checkpoints."""

from __future__ import annotations

import os
import pathlib

import pytest

from tests.tools.logs import KEY, Log
from tests.tools.machines import POLICY
from tobari.base.errors import TobariError
from tobari.client.attestation import origin_of, service_id_of
from tobari.client.profile import KnownService, Profile
from tobari.client.trust import Seen
from tobari.crypto.signing import SigningKey
from tobari.ledger.note import NoteKey

IDENTITY = SigningKey.from_seed(b"i" * 32).public
SERVICE_ID = service_id_of(IDENTITY)
NOTE_KEY = NoteKey(name=origin_of(SERVICE_ID), key=IDENTITY)


@pytest.fixture
def profile(tmp_path: pathlib.Path) -> Profile:
    return Profile(tmp_path / "home")


def known(**changes: str) -> KnownService:
    fields = {
        "url": "http://127.0.0.1:8420",
        "vkey": NOTE_KEY.vkey,
        "policy": POLICY.to_toml(),
        "first_checkpoint": Log.make(3).note(),
    }
    return KnownService(**{**fields, **changes})


def seen() -> Seen:
    log = Log.make(1)
    return Seen(checkpoint=log.checkpoint(), note=log.note(), seen_at=0)


def code_of(act) -> str:
    with pytest.raises(TobariError) as caught:
        act()
    return caught.value.code


def test_a_profile_lies_where_the_user_says(tmp_path, monkeypatch):
    assert Profile.default({"TOBARI_HOME": str(tmp_path)}).home == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Profile.default({}).home == tmp_path / ".config" / "tobari"
    assert Profile.default({"TOBARI_HOME": ""}).home == tmp_path / ".config" / "tobari"


def test_looking_into_an_empty_profile_makes_nothing(profile):
    assert (profile.keys(), profile.services(), profile.default_service()) == ([], [], None)
    assert not profile.home.exists()


def test_a_key_is_kept_for_its_owner_alone(profile):
    key = profile.create_key("alice")
    assert profile.key("alice").public == key.public
    assert profile.keys() == ["alice"]
    path = profile.home / "keys" / "alice.json"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777, profile.home.stat().st_mode & 0o777) == (
        0o600,
        0o700,
        0o700,
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_read_is_refused(profile, mode):
    profile.create_key("alice")
    (profile.home / "keys" / "alice.json").chmod(mode)
    assert code_of(lambda: profile.key("alice")) == "client.not_private"


def test_a_home_that_others_can_look_into_is_refused(profile):
    profile.home.mkdir(mode=0o755)
    os.chmod(profile.home, 0o755)
    assert code_of(lambda: profile.create_key("alice")) == "client.not_private"


def test_what_the_trust_store_makes_is_private_all_the_way_up(profile):
    profile.trust.replace(SERVICE_ID, seen(), expected=None, key=KEY)
    profile.create_key("alice")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (profile.home, *profile.home.rglob("*")))


def test_a_key_is_never_overwritten(profile):
    key = profile.create_key("alice")
    assert code_of(lambda: profile.create_key("alice")) == "client.key_exists"
    assert profile.key("alice").public == key.public
    assert [path.name for path in (profile.home / "keys").iterdir()] == ["alice.json"]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "A", "ä", "x" * 64, "-x", "a\n", "a\0"])
def test_a_name_is_no_path(profile, name):
    assert code_of(lambda: profile.create_key(name)) == "client.name"
    assert code_of(lambda: profile.key(name)) == "client.name"
    assert code_of(lambda: profile.service(name) if name else profile.save_service(name, known())) == "client.name"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"kty":"rsa","public":"","secret":""}',
        b'{"public":"x","secret":"zz"}',
    ],
)
def test_a_damaged_key_file(profile, content):
    profile.create_key("alice")
    (profile.home / "keys" / "alice.json").write_bytes(content)
    assert code_of(lambda: profile.key("alice")) in ("client.key_file", "client.file_too_large")


def test_what_is_not_there(profile):
    assert code_of(lambda: profile.key("alice")) == "client.no_key_file"
    assert code_of(lambda: profile.service("x")) == "client.no_known_service"
    assert code_of(profile.service) == "client.no_known_service"
    assert code_of(lambda: profile.set_default("x")) == "client.no_known_service"


def test_a_service_is_kept_and_the_first_is_the_default(profile):
    profile.save_service("test", known(url="HTTP://127.0.0.1:8420/", key="alice"))
    service = profile.service()
    assert (service.url, service.key, service.service) == ("http://127.0.0.1:8420", "alice", SERVICE_ID)
    assert service.note_key == NOTE_KEY
    assert service.appraisal_policy == POLICY
    other = SigningKey.from_seed(b"o" * 32).public
    profile.save_service("other", known(vkey=NoteKey(name="other", key=other).vkey))
    assert profile.services() == ["other", "test"]
    assert profile.default_service() == "test"
    profile.set_default("other")
    assert profile.service() == profile.service("other")


def test_a_name_stays_with_its_service(profile):
    profile.save_service("test", known())
    profile.save_service("test", known(url="http://127.0.0.1:1"))
    assert profile.service("test").url == "http://127.0.0.1:1"
    assert code_of(lambda: profile.save_service("test", known(vkey=KEY.vkey))) == "client.service_exists"


def test_a_service_is_found_by_the_origin_of_its_log(profile):
    profile.save_service("test", known())
    assert profile.service_of(NOTE_KEY.name) == profile.service("test")
    assert profile.service_of("log.example/other") is None


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff"])
def test_a_damaged_service_file(profile, content):
    profile.save_service("test", known())
    (profile.home / "services" / "test.json").write_bytes(content)
    assert code_of(profile.service) == "client.service_file"


def test_the_secret_is_not_shown(profile):
    key = profile.create_key("alice")
    assert key.seed.hex() not in repr(key)
