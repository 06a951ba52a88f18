"""Signed notes (C2SP signed-note): text that keys sign, and the keys' text form (vkey).

Only Ed25519 (signature type 0x01). Verifying is strict: a signature by a known key that fails refuses the whole note,
one by an unknown key is ignored, and a note that no known key signed is refused. Cosignatures (types 0x04 and 0x06)
are not known here, so they are ignored like any unknown key's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from tobari.base.errors import Malformed, TooLarge, Unauthorized, Untrusted
from tobari.crypto.signing import SigningKey, VerifyingKey

MAX_NOTE = 1 << 17
"""Bytes of a note: room for 16 post-quantum signatures."""
MAX_SIGNATURES = 32
MAX_NAME = 255
"""Characters of a key name."""
_ED25519 = b"\x01"
_DASH = "— "


@dataclass(frozen=True, kw_only=True)
class NoteKey:
    """A key that may sign notes under a name.

    Raises:
        Malformed: `note.key`, for a name that signature lines cannot carry, or a key that is not Ed25519.
    """

    name: str
    key: VerifyingKey

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise Malformed("note.key", "A key name has 1 to 255 characters, without spaces, controls and plus signs.")
        if len(self.key.raw) != 32:
            raise Malformed("note.key", "Notes are signed with Ed25519 keys of 32 bytes.")

    @property
    def key_id(self) -> bytes:
        """4 bytes that tell the keys of one name apart; not a commitment to the key."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key.raw).digest()[:4]

    @property
    def vkey(self) -> str:
        """`name+hex(key id)+base64(type || public key)`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.key.raw).decode()}"

    @classmethod
    def from_vkey(cls, text: str) -> NoteKey:
        """Read the text form.

        Raises:
            Malformed: `note.key` or `key.malformed`.
        """
        name, plus, rest = text.partition("+")
        key_id, second_plus, encoded = rest.partition("+")
        raw = decode_base64(encoded) if len(encoded) <= 64 else None
        if not plus or not second_plus or raw is None or raw[:1] != _ED25519:
            raise Malformed("note.key", "A verifier key reads name+key id+base64, and this type must be Ed25519.")
        key = cls(name=name, key=VerifyingKey(raw[1:]))
        if key_id != key.key_id.hex():
            raise Malformed("note.key", "The key id does not belong to this name and key: was one of them altered?")
        return key


@dataclass(frozen=True, kw_only=True)
class OpenedNote:
    """What known keys have signed."""

    text: str
    signers: tuple[NoteKey, ...]
    """Each once, in the order of their signatures; at least one."""


def sign_note(text: str, name: str, key: SigningKey) -> str:
    """`text`, which ends in a newline, with one signature.

    Raises:
        Malformed: `note.malformed` or `note.key`.
    """
    _check_text(text)
    if not text.endswith("\n"):
        raise Malformed("note.malformed", "The text of a note ends in a newline.")
    signer = NoteKey(name=name, key=key.public)
    signature = base64.b64encode(signer.key_id + key.sign(text.encode())).decode()
    return f"{text}\n{_DASH}{name} {signature}\n"


def open_note(note: str, keys: Sequence[NoteKey]) -> OpenedNote:
    """The text, if at least one of `keys` signed it and no signature of theirs fails.

    Raises:
        TooLarge: `note.too_large`.
        Malformed: `note.malformed`.
        Untrusted: `note.signature` (a known key's fails), `note.unknown_key` (no known key signed).
    """
    text, signatures = _split(note)
    message = text.encode()
    signers: list[NoteKey] = []
    for name, key_id, signature in signatures:
        for key in keys:
            if key.name != name or key.key_id != key_id:
                continue
            try:
                key.key.verify(signature, message)
            except Unauthorized:
                raise Untrusted(
                    "note.signature", "A known key's signature does not hold: the note was altered. Do not use it."
                ) from None
            if key not in signers:
                signers.append(key)
    if not signers:
        raise Untrusted("note.unknown_key", "No key you trust signed this note: check the origin and the key you gave.")
    return OpenedNote(text=text, signers=tuple(signers))


def decode_note(data: bytes) -> str:
    """The note in `data`, as a file or a response holds it.

    Raises:
        TooLarge: `note.too_large`.
        Malformed: `note.malformed`, not UTF-8.
    """
    if len(data) > MAX_NOTE:
        raise TooLarge("note.too_large", f"A signed note has at most {MAX_NOTE} bytes.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Malformed("note.malformed", "A signed note is UTF-8 text.") from None


def decode_base64(text: str) -> bytes | None:
    """Standard base64 in its one canonical spelling, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def _split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text, and (key name, key id, signature) of each line below its last empty line."""
    _check_text(note)
    text, blank, block = note.rpartition("\n\n")
    lines = block.split("\n")
    if not blank or not text or lines.pop() != "" or not lines:
        raise Malformed("note.malformed", "A signed note is text, an empty line, and at least one signature line.")
    if len(lines) > MAX_SIGNATURES:
        raise TooLarge("note.too_large", f"A signed note has at most {MAX_SIGNATURES} signatures.")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    data = decode_base64(encoded)
    if not line.startswith(_DASH) or not space or not _is_name(name) or data is None or len(data) < 5:
        raise Malformed("note.malformed", "A signature line reads: em dash, space, key name, space, base64.")
    return name, data[:4], data[4:]


def _check_text(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Malformed("note.malformed", "A signed note is UTF-8 text.") from None
    if size > MAX_NOTE:
        raise TooLarge("note.too_large", f"A signed note has at most {MAX_NOTE} bytes.")
    if any(c < " " and c != "\n" for c in text):
        raise Malformed("note.malformed", "A signed note has no control characters but newlines.")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and not any(c.isspace() or c < " " or c == "+" for c in name) and _is_utf8(name)


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)
