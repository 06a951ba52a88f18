"""Signed notes, verifier keys and checkpoints as a host serves them."""

from __future__ import annotations

from tests.tools.logs import KEY, SIGNING_KEY, Log
from tobari.base.errors import TobariError
from tobari.ledger.checkpoint import Checkpoint, open_checkpoint
from tobari.ledger.note import NoteKey, decode_note, open_note, sign_note

SIGNED = {Log.make(size).note() for size in (0, 1, 5)}
TEXTS = {note.rpartition("\n\n")[0] + "\n" for note in SIGNED}


def run(data: bytes) -> None:
    try:
        text = decode_note(data)
    except TobariError:
        return
    _key(text)
    _checkpoint(text)
    try:
        opened = open_note(text, [KEY])
    except TobariError:
        return
    assert opened.text in TEXTS, "a note that nobody signed opens"
    try:
        checkpoint = open_checkpoint(text, KEY)
    except TobariError:
        return
    assert checkpoint.sign(SIGNING_KEY) in SIGNED


def _key(text: str) -> None:
    try:
        key = NoteKey.from_vkey(text)
    except TobariError:
        return
    assert key.vkey == text


def _checkpoint(text: str) -> None:
    try:
        checkpoint = Checkpoint.parse(text)
    except TobariError:
        return
    assert Checkpoint.parse(checkpoint.text) == checkpoint
    assert text.startswith(checkpoint.text)


def seeds() -> dict[str, bytes]:
    note = Log.make(5).note()
    text = note.rpartition("\n\n")[0] + "\n"
    notes = {
        "note": note,
        "empty-log": Log.make(0).note(),
        "vkey": KEY.vkey,
        "text": text,
        "extension": text + "extension\n",
        "two-signatures": note + "— other AAAAAAAA\n",
        "foreign": sign_note(text, "other", SIGNING_KEY),
        "no-signature": text + "\n",
        "size": text.replace("\n5\n", "\n9223372036854775808\n"),
        "leading-zero": text.replace("\n5\n", "\n05\n"),
        "control": note.replace("log", "l\tg", 1),
        "carriage-return": note.replace("\n", "\r\n"),
    }
    return {name: value.encode() for name, value in notes.items()} | {"not-utf8": note.encode()[:-20] + b"\xff\n"}
