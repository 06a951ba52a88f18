"""Invites: one URL, read strictly, and accepted only if the service is what it says."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import pathlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.logs import KEY, SIGNING_KEY, Log
from tests.tools.machines import POLICY
from tests.tools.service import URL, MemoryService, checkpoint_of
from tobari.base import cbor
from tobari.base.errors import Malformed, TobariError, TooLarge, Untrusted
from tobari.client.attestation import origin_of, service_id_of
from tobari.client.invite import MAX_INVITE, Invite, parse
from tobari.client.profile import KnownService, Profile
from tobari.client.session import AsyncSession, Session
from tobari.crypto.signing import SigningKey
from tobari.evidence.policy import AppraisalPolicy, Platforms, ReferenceValues, VirtualPolicy
from tobari.ledger.checkpoint import Checkpoint
from tobari.ledger.note import NoteKey

SERVICE_ID = service_id_of(SIGNING_KEY.public)
NOTE_KEY = NoteKey(name=origin_of(SERVICE_ID), key=SIGNING_KEY.public)
NOTE = Checkpoint(origin=NOTE_KEY.name, tree_size=3, root_hash=Log.make(3).tree.root()).sign(SIGNING_KEY)
POLICY_TEXT = msgspec.structs.replace(POLICY, service=None).to_toml()
INVITE = Invite(url=URL, key=NOTE_KEY, service=SERVICE_ID, policy_text=POLICY_TEXT, checkpoint=NOTE)
PAYLOAD = {"vkey": NOTE_KEY.vkey, "service": SERVICE_ID, "policy": POLICY_TEXT, "checkpoint": NOTE}


def url_of(payload: object, address: str = URL) -> str:
    data = payload if isinstance(payload, bytes) else cbor.encode(payload)
    return f"{address}/#tobari1." + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_an_invite_is_read_as_it_was_written():
    assert parse(INVITE.encode()) == INVITE
    assert INVITE.encode() == url_of(PAYLOAD)
    assert INVITE.policy.service is None


STRANGER = NoteKey(name=NOTE_KEY.name, key=SigningKey.from_seed(b"s" * 32).public)
MALFORMED = {
    "empty": "",
    "address-alone": URL,
    "no-fragment": URL + "/",
    "other-version": INVITE.encode().replace("#tobari1.", "#tobari2."),
    "query-for-the-fragment": INVITE.encode().replace("/#", "/?"),
    "no-slash": INVITE.encode().replace("/#", "#"),
    "user-in-the-address": INVITE.encode().replace("http://", "http://user@"),
    "other-scheme": INVITE.encode().replace("http://", "javascript://"),
    "path": INVITE.encode().replace("/#", "/x/#"),
    "cut": INVITE.encode()[:-1],
    "padded": INVITE.encode() + "=",
    "standard-alphabet": url_of(b"\xff\xfe\xfd").replace("_", "/"),
    "white-space": INVITE.encode() + "\n",
    "letter-outside-ascii": INVITE.encode() + "é",
    "stray-bits": URL + "/#tobari1.QR",
    "no-cbor": url_of(b"\xff"),
    "one-byte-more": url_of(cbor.encode(PAYLOAD) + b"\0"),
    "field-missing": url_of({k: v for k, v in PAYLOAD.items() if k != "policy"}),
    "field-more": url_of({**PAYLOAD, "admin": True}),
    "service-id-of-31-bytes": url_of({**PAYLOAD, "service": SERVICE_ID[:31]}),
    "no-key": url_of({**PAYLOAD, "vkey": "x"}),
    "no-policy": url_of({**PAYLOAD, "policy": "unsafe = "}),
    "policy-with-a-misspelt-key": url_of({**PAYLOAD, "policy": "max_age_second = 5\n" + POLICY_TEXT}),
}
CONTRADICTIONS = {
    "other-service-id": url_of({**PAYLOAD, "service": bytes(32)}),
    "key-of-another-origin": url_of({**PAYLOAD, "vkey": KEY.vkey}),
    "key-of-another": url_of({**PAYLOAD, "vkey": STRANGER.vkey}),
    "checkpoint-of-another": url_of({**PAYLOAD, "checkpoint": Log.make(3).note()}),
    "checkpoint-altered": url_of({**PAYLOAD, "checkpoint": NOTE.replace("\n3\n", "\n4\n")}),
    "no-checkpoint": url_of({**PAYLOAD, "checkpoint": ""}),
    "policy-pins-another": url_of({**PAYLOAD, "policy": POLICY.to_toml()}),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_invite(text):
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert caught.value.code == "invite.malformed"


@pytest.mark.parametrize("text", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_an_invite_that_contradicts_itself(text):
    with pytest.raises(Untrusted) as caught:
        parse(text)
    assert caught.value.code == "invite.contradiction"


def test_a_large_invite_is_not_read():
    with pytest.raises(TooLarge) as caught:
        parse(INVITE.encode() + "A" * MAX_INVITE)
    assert caught.value.code == "invite.too_large"
    large = Invite(url=URL, key=NOTE_KEY, service=SERVICE_ID, policy_text="#" * MAX_INVITE, checkpoint=NOTE)
    with pytest.raises(TooLarge):
        large.encode()


@given(st.text(max_size=300) | st.binary(max_size=300).map(url_of))
@settings(max_examples=100, deadline=None)
def test_any_text_is_an_invite_or_an_error_of_ours(text):
    with pytest.raises(TobariError):
        parse(text)


@given(at=st.integers(0, len(INVITE.encode()) - 1), character=st.characters(codec="ascii"))
@settings(max_examples=100, deadline=None)
def test_an_altered_invite_is_refused_or_says_the_same_of_the_service(at, character):
    text = INVITE.encode()
    try:
        found = parse(text[:at] + character + text[at + 1 :])
    except TobariError:
        return
    assert (found.key, found.service, found.checkpoint) == (INVITE.key, INVITE.service, INVITE.checkpoint)


# --- joining ---


@pytest.fixture
def invite(session: Session, service: MemoryService) -> Invite:
    session.call("currency", "issue", {"to": "bank", "amount": 1})
    return session.invite(service.policy.to_toml())


def test_joining_takes_up_the_log_where_the_invite_left_it(invite, service, session, tmp_path):
    assert checkpoint_of(invite.checkpoint).tree_size == 2
    session.call("currency", "issue", {"to": "bank", "amount": 1})
    other = Profile(tmp_path / "other")
    with Session.join(
        parse(invite.encode()), key=service.keys["shop"], profile=other, transport=service.transport
    ) as s:
        assert other.trust.load(invite.service, key=invite.key).checkpoint.tree_size == 3
        assert s.query("currency", "balance") == 0
    joined_twice = Session.join(invite, profile=other, transport=service.transport)
    joined_twice.close()


def test_joining_on_asyncio(invite, service, tmp_path):
    async def use() -> None:
        session = await AsyncSession.join(
            invite, key=service.keys["shop"], profile=Profile(tmp_path / "other"), transport=service.async_transport
        )
        async with session:
            assert await session.query("currency", "balance") == 0
            assert (await session.invite(invite.policy_text)).service == invite.service

    asyncio.run(use())


def test_another_service_than_the_invited_one(invite, tmp_path, service):
    other = MemoryService(root=service.root, keys=service.keys).boot()
    fresh = Profile(tmp_path / "other")
    open_policy = msgspec.structs.replace(invite.policy, service=None).to_toml()
    for text, code in ((invite.policy_text, "evidence.service"), (open_policy, "client.service")):
        changed = Invite(
            url=invite.url, key=invite.key, service=invite.service, policy_text=text, checkpoint=invite.checkpoint
        )
        with pytest.raises(Untrusted) as caught:
            Session.join(changed, profile=fresh, transport=other.transport)
        assert caught.value.code == code
    assert not fresh.home.exists(), "nothing is kept before the service was appraised"


def test_a_service_that_was_rolled_back_since_the_invite(invite, service, tmp_path):
    service.disk.entries, service.disk.checkpoint = service.disk.entries[:1], None
    assert service.boot().halted is None
    fresh = Profile(tmp_path / "other")
    with pytest.raises(Untrusted) as caught:
        Session.join(invite, profile=fresh, transport=service.transport)
    assert caught.value.code == "client.fork"


# --- joining what is known ---


def attacked(invite: Invite) -> Invite:
    """Everything that is public about the service, and a policy that accepts the attacker's machine at its address."""
    table = VirtualPolicy(
        roots=["ee" * 32],
        reference_values=[ReferenceValues(measurements={"code": "ee" * 32})],
        unsafe_allow_virtual=True,
    )
    policy = AppraisalPolicy(platform=Platforms(virtual=table))
    return dataclasses.replace(invite, url="http://attacker.test", policy_text=policy.to_toml())


@pytest.fixture
def profile(invite: Invite, tmp_path: pathlib.Path) -> Profile:
    """It knows the service."""
    found = Profile(tmp_path / "home")
    found.save_service("trial", KnownService.from_invite(invite, key=None))
    return found


def test_an_invite_cannot_replace_the_policy_of_a_known_service(invite, service, profile):
    before, sent = profile.service("trial"), len(service.requests)
    forged = parse(attacked(invite).encode())
    with pytest.raises(Untrusted) as caught:
        Session.join(forged, profile=profile, transport=service.transport)
    assert caught.value.code == "client.policy_differs"
    assert len(service.requests) == sent, "nobody is asked anything"
    for name in ("trial", "another-name"):
        with pytest.raises(Untrusted) as kept:
            profile.save_service(name, KnownService.from_invite(forged, key=None))
        assert kept.value.code == "client.policy_differs"
    assert (profile.services(), profile.service("trial")) == (["trial"], before)


def test_a_known_service_is_appraised_again_under_the_policy_held(invite, service, profile):
    changed = dataclasses.replace(invite, url="http://elsewhere.test")
    Session.join(changed, profile=profile, transport=service.transport).close()
    stranger = MemoryService(keys=service.keys).boot()
    with pytest.raises(Untrusted) as caught:
        Session.join(changed, profile=profile, transport=stranger.transport)
    assert caught.value.code == "evidence.root"


def test_a_user_who_was_shown_the_difference_may_replace_the_policy_under_every_name(invite, service, profile):
    profile.save_service("second", KnownService.from_invite(invite, key="alice"))
    wider = msgspec.structs.replace(invite.policy, max_age_seconds=700).to_toml()
    changed = dataclasses.replace(invite, policy_text=wider, url="http://elsewhere.test")
    Session.join(changed, profile=profile, replace=True, transport=service.transport).close()
    profile.save_service("trial", KnownService.from_invite(changed, key=None), replace=True)
    second = profile.service("second")
    assert (second.policy, second.url, second.key) == (wider, "http://elsewhere.test", "alice")


def test_an_invite_narrowed_to_the_configuration_its_reader_knows():
    pinned = bytes.fromhex(INVITE.policy.configuration)
    assert INVITE.narrowed(pinned) == INVITE
    with pytest.raises(Untrusted) as caught:
        INVITE.narrowed(bytes(32))
    assert caught.value.code == "evidence.configuration"
    silent = msgspec.structs.replace(INVITE.policy, configuration=None).to_toml()
    assert dataclasses.replace(INVITE, policy_text=silent).narrowed(pinned) == INVITE


def test_an_altered_text_is_said_once() -> None:
    with pytest.raises(Malformed) as caught:
        parse("http://127.0.0.1:1/#tobari1.A")
    assert caught.value.message.count("This is not an invite") == 1
