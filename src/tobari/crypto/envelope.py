"""What travels sealed between client and enclave (spec/command.md).

Request:  version (1) ‖ epoch (4) ‖ key id (8) ‖ HPKE(enc ‖ ciphertext) over pad(CBOR [reply key, [signed command, …]]).
Response: salt (32) ‖ AES-256-GCM over pad(answer), under a key from reply key, salt and the request's digest.

The reply key is chosen by the client, known to the enclave alone and used for this request alone: a response that opens
comes from the enclave and answers these bytes. The salt makes each response's key new, so that a host that replays a
request gets no two texts under one key and nonce (the construction of RFC 9458, section 4.4).
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

from tobari.base import cbor
from tobari.base.errors import Malformed, TooLarge, Untrusted
from tobari.base.messages.command import MAX_COMMANDS, MAX_ENVELOPE
from tobari.crypto.aead import NONCE, AeadKey
from tobari.crypto.hpke import Kem, RecipientKey, RecipientPublicKey
from tobari.crypto.kdf import derive, labelled_hash
from tobari.crypto.labels import Label
from tobari.crypto.padding import LARGEST, pad, unpad

VERSION = 1
_HEADER = 13
_SALT = 32


class ReplyKey:
    """Opens or seals the one response to one request."""

    __slots__ = ("_request", "_secret")

    def __init__(self, secret: bytes, request: bytes) -> None:
        self._secret = secret
        self._request = hashlib.sha256(request).digest()

    def __repr__(self) -> str:
        return "ReplyKey(…)"

    def _key(self, salt: bytes) -> AeadKey:
        return AeadKey(derive(self._secret, label=Label.RESPONSE, context=salt + self._request))

    def seal(self, answer: bytes) -> bytes:
        """
        Raises:
            TooLarge: `envelope.too_large`.
        """
        salt = secrets.token_bytes(_SALT)
        return salt + self._key(salt).seal(nonce=bytes(NONCE), plaintext=pad(answer), aad=b"")

    def open(self, response: bytes) -> bytes:
        """
        Raises:
            TooLarge: `envelope.too_large`.
            Untrusted: `response.open`, if it is no answer to this request from the enclave.
        """
        if len(response) > MAX_ENVELOPE:
            raise TooLarge("envelope.too_large", f"A response may have at most {MAX_ENVELOPE} bytes.")
        salt, sealed = response[:_SALT], response[_SALT:]
        try:
            return unpad(self._key(salt).open(nonce=bytes(NONCE), sealed=sealed, aad=b""))
        except Untrusted:
            raise Untrusted(
                "response.open", "The response does not come from the enclave, or answers another request."
            ) from None


class OpenedRequest(NamedTuple):
    commands: list[bytes]
    """COSE_Sign1, not yet verified."""
    reply: ReplyKey


def key_id(key: RecipientPublicKey) -> bytes:
    """8 bytes that tell the host nothing and the enclave which of its keys to try."""
    return labelled_hash(Label.KEY_ID, key.kem.encode(), key.raw)[:8]


def _header(key: RecipientPublicKey, epoch: int) -> bytes:
    return bytes([VERSION]) + epoch.to_bytes(4, "big") + key_id(key)


def seal_request(
    service: RecipientPublicKey, *, service_id: bytes, epoch: int, commands: list[bytes]
) -> tuple[bytes, ReplyKey]:
    """Seal signed commands to the service's key of that epoch.

    Raises:
        TooLarge: `envelope.too_large`, `envelope.too_many`.
    """
    if not 1 <= len(commands) <= MAX_COMMANDS:
        raise TooLarge("envelope.too_many", f"An envelope holds 1 to {MAX_COMMANDS} commands.")
    secret = secrets.token_bytes(32)
    header = _header(service, epoch)
    body = pad(cbor.encode([secret, commands]))
    request = header + service.seal(body, label=Label.REQUEST, context=service_id + header)
    return request, ReplyKey(secret, request)


def open_request(keys: dict[bytes, RecipientKey], request: bytes, *, service_id: bytes, epoch: int) -> OpenedRequest:
    """Open a request with the service's keys of this epoch, by key id.

    Raises:
        TooLarge: `envelope.too_large`, `envelope.too_many`.
        Malformed: `envelope.malformed`, `envelope.padding`, `cbor.*`.
        Untrusted: `envelope.epoch` if it is sealed for another epoch or key, `hpke.open` if it does not open.
    """
    if len(request) > MAX_ENVELOPE:
        raise TooLarge("envelope.too_large", f"An envelope may have at most {MAX_ENVELOPE} bytes.")
    header, sealed = request[:_HEADER], request[_HEADER:]
    if len(header) < _HEADER or header[0] != VERSION or not sealed:
        raise Malformed("envelope.malformed", "This is not an envelope as spec/command.md describes it.")
    key = keys.get(header[5:])
    if int.from_bytes(header[1:5], "big") != epoch or key is None:
        raise Untrusted("envelope.epoch", "This is sealed to a key of another epoch: fetch the evidence again.")
    body = unpad(key.open(sealed, label=Label.REQUEST, context=service_id + header))
    match cbor.decode(body, max_bytes=LARGEST, max_depth=4):
        case [bytes() as secret, list() as commands] if len(secret) == 32 and commands:
            if len(commands) > MAX_COMMANDS:
                raise TooLarge("envelope.too_many", f"An envelope holds 1 to {MAX_COMMANDS} commands.")
            if all(isinstance(command, bytes) for command in commands):
                return OpenedRequest(commands, ReplyKey(secret, request))
    raise Malformed("envelope.malformed", "This is not an envelope as spec/command.md describes it.")


def service_keys(seed_for: dict[Kem, bytes]) -> dict[bytes, RecipientKey]:
    """The service's private keys, by key id."""
    keys = [RecipientKey(kem, seed) for kem, seed in seed_for.items()]
    return {key_id(key.public): key for key in keys}
