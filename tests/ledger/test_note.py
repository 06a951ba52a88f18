from __future__ import annotations

import base64
import contextlib
import pathlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tobari.base.errors import Malformed, TobariError, TooLarge, Untrusted
from tobari.crypto.signing import SigningKey, VerifyingKey
from tobari.ledger.note import MAX_NOTE, MAX_SIGNATURES, NoteKey, decode_note, open_note, sign_note

ALICE = SigningKey.from_seed(b"a" * 32)
BOB = SigningKey.from_seed(b"b" * 32)
ALICE_KEY = NoteKey(name="example.org/alice", key=ALICE.public)
BOB_KEY = NoteKey(name="example.org/bob", key=BOB.public)
TEXT = "First line\n\nThird line\n"
NOTE = sign_note(TEXT, ALICE_KEY.name, ALICE)
BOBS_LINE = sign_note(TEXT, BOB_KEY.name, BOB).removeprefix(TEXT + "\n")


def line(name: str, data: bytes) -> str:
    return f"— {name} {base64.b64encode(data).decode()}\n"


def test_the_example_of_the_specification(shared_vectors: pathlib.Path) -> None:
    page = (shared_vectors / "c2sp" / "signed-note.md").read_text("utf-8")
    example = page[page.index("### Example") :]
    vkey = re.search(r"^    (\S+\+\S+)$", example, re.MULTILINE)
    note = re.search(r"```\n(.*?)```", example, re.DOTALL)
    assert vkey
    assert note
    key = NoteKey.from_vkey(vkey[1])
    assert key.vkey == vkey[1]
    assert open_note(note[1], [key]).text == "This is an example message.\n"


def test_what_is_signed_opens() -> None:
    opened = open_note(NOTE + BOBS_LINE, [BOB_KEY, ALICE_KEY])
    assert opened.text == TEXT
    assert opened.signers == (ALICE_KEY, BOB_KEY)


def test_a_key_that_signs_twice_is_one_signer() -> None:
    assert open_note(NOTE + BOBS_LINE + BOBS_LINE, [BOB_KEY]).signers == (BOB_KEY,)


def test_unknown_signatures_are_ignored() -> None:
    same_name = line(ALICE_KEY.name, b"\0\0\0\0" + bytes(64))
    same_id = line("example.org/carol", ALICE_KEY.key_id + bytes(64))
    assert open_note(NOTE + same_name + same_id + BOBS_LINE, [ALICE_KEY]).signers == (ALICE_KEY,)


def test_a_known_key_whose_signature_fails_refuses_the_note() -> None:
    for bad in (bytes(64), bytes(63), bytes(1), base64.b64decode(BOBS_LINE.split(" ")[2])[4:-1]):
        with pytest.raises(Untrusted) as caught:
            open_note(NOTE + line(BOB_KEY.name, BOB_KEY.key_id + bad), [ALICE_KEY, BOB_KEY])
        assert caught.value.code == "note.signature"


def test_an_altered_text_is_refused() -> None:
    with pytest.raises(Untrusted) as caught:
        open_note(NOTE.replace("First", "Fist"), [ALICE_KEY])
    assert caught.value.code == "note.signature"


def test_a_note_nobody_known_signed_is_refused() -> None:
    for keys in ([], [BOB_KEY]):
        with pytest.raises(Untrusted) as caught:
            open_note(NOTE, keys)
        assert caught.value.code == "note.unknown_key"


SIGNATURE = NOTE.removeprefix(TEXT + "\n")
MALFORMED = {
    "empty": "",
    "only-newlines": "\n\n",
    "no-text": "\n" + SIGNATURE,
    "no-blank-line": TEXT.replace("\n\n", "\n") + SIGNATURE,
    "no-signature": TEXT + "\n",
    "no-last-newline": NOTE[:-1],
    "carriage-return": NOTE.replace("line\n", "line\r\n"),
    "tab": NOTE.replace(" line", "\tline"),
    "nul": NOTE.replace(" line", "\0line"),
    "lone-surrogate": NOTE.replace(" line", "\ud800line"),
    "hyphen-for-dash": NOTE.replace("—", "-"),
    "two-spaces": NOTE.replace("— ", "—  "),
    "no-name": TEXT + "\n" + line("", bytes(68)),
    "name-with-plus": TEXT + "\n" + line("a+b", bytes(68)),
    "name-with-unicode-space": TEXT + "\n" + line("a\u2003b", bytes(68)),
    "name-too-long": TEXT + "\n" + line("a" * 256, bytes(68)),
    "signature-of-four-bytes": NOTE + line("x", bytes(4)),
    "base64-without-padding": NOTE.rstrip("=\n") + "\n",
    "base64-url-alphabet": NOTE + "— x __________\n",
    "base64-not-canonical": NOTE + "— x AAAAAAB=\n",
    "text-among-signatures": NOTE + "trailing\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        open_note(MALFORMED[name], [ALICE_KEY])
    assert caught.value.code == "note.malformed"


def test_limits() -> None:
    many = NOTE + line("x", bytes(68)) * (MAX_SIGNATURES - 1)
    open_note(many, [ALICE_KEY])
    post_quantum = NOTE + line("x", bytes(5000)) * 16
    open_note(post_quantum, [ALICE_KEY])
    for note in (many + line("x", bytes(68)), NOTE + line("x", bytes(MAX_NOTE))):
        with pytest.raises(TooLarge) as caught:
            open_note(note, [ALICE_KEY])
        assert caught.value.code == "note.too_large"


def test_reading_bytes() -> None:
    assert decode_note(NOTE.encode()) == NOTE
    with pytest.raises(Malformed):
        decode_note(b"\xff\n")
    with pytest.raises(TooLarge):
        decode_note(b"x" * (MAX_NOTE + 1))


def test_only_text_that_ends_in_a_newline_is_signed() -> None:
    for text in ("", "no newline", "bell\a\n"):
        with pytest.raises(Malformed):
            sign_note(text, ALICE_KEY.name, ALICE)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x1fb", "\udc00", "a" * 256])
def test_a_name_that_no_signature_line_can_carry(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        NoteKey(name=name, key=ALICE.public)
    assert caught.value.code == "note.key"


def test_only_ed25519() -> None:
    generator = bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
    with pytest.raises(Malformed) as caught:
        NoteKey(name="p256", key=VerifyingKey(generator))
    assert caught.value.code == "note.key"


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.replace("+", "", 1),
        lambda v: v.rpartition("+")[0],
        lambda v: v.replace("alice", "alicia"),
        lambda v: v.upper(),
        lambda v: v[:-4],
        lambda v: v + "=",
        lambda v: v + "A" * 99,
        lambda v: v.replace("+A", "+B"),
    ],
)
def test_a_vkey_that_is_none(change: object) -> None:
    with pytest.raises(Malformed):
        NoteKey.from_vkey(change(ALICE_KEY.vkey))  # type: ignore[operator]


@given(st.text(max_size=60), st.sampled_from(["", NOTE, "\n\n— "]))
@settings(max_examples=100, deadline=None)
def test_whatever_arrives_is_an_error_of_ours_or_a_note(text: str, around: str) -> None:
    for note in (text + around, around + text, around[:40] + text + around[40:]):
        with contextlib.suppress(TobariError):
            assert open_note(note, [ALICE_KEY]).text == TEXT
