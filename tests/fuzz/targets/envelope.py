"""Sealed requests and responses as the enclave and a client get them from a hostile host, and what is inside them.

The first byte chooses: the bytes as they come (requests, responses, padding), or sealed to the service's own key, so
that what lies behind the encryption is reached.
"""

from __future__ import annotations

from tobari.base import cbor
from tobari.base.errors import TobariError
from tobari.crypto import envelope, padding
from tobari.crypto.hpke import Kem
from tobari.crypto.labels import Label

SERVICE = bytes(32)
KEYS = envelope.service_keys({kem: bytes(range(kem.seed_length)) for kem in Kem})
PUBLIC = next(key.public for key in KEYS.values() if key.public.kem is Kem.X25519)
HEADER = bytes([envelope.VERSION]) + (1).to_bytes(4, "big") + envelope.key_id(PUBLIC)


def run(data: bytes) -> None:
    kind, body = data[:1], data[1:]
    match kind:
        case b"S":
            _open(HEADER + PUBLIC.seal(body, label=Label.REQUEST, context=SERVICE + HEADER))
        case b"P":
            _open(HEADER + PUBLIC.seal(padding.pad(body), label=Label.REQUEST, context=SERVICE + HEADER))
        case b"R":
            try:
                envelope.ReplyKey(bytes(32), b"request").open(body)
            except TobariError:
                return
            raise AssertionError("a response that the enclave did not seal opens")
        case b"U":
            try:
                inner = padding.unpad(body)
            except TobariError:
                return
            assert padding.pad(inner) == body
        case _:
            _open(body)


def _open(request: bytes) -> None:
    try:
        opened = envelope.open_request(KEYS, request, service_id=SERVICE, epoch=1)
    except TobariError:
        return
    assert opened.commands
    assert all(isinstance(command, bytes) for command in opened.commands)
    sealed = opened.reply.seal(b"answer")
    assert opened.reply.open(sealed) == b"answer"


def seeds() -> dict[str, bytes]:
    request, _ = envelope.seal_request(PUBLIC, service_id=SERVICE, epoch=1, commands=[b"command"])
    other, _ = envelope.seal_request(PUBLIC, service_id=SERVICE, epoch=2, commands=[b"command"])
    body = cbor.encode([bytes(32), [b"command", b"another"]])
    return {
        "request": b"Q" + request,
        "other-epoch": b"Q" + other,
        "header-only": b"Q" + HEADER,
        "body": b"P" + body,
        "no-commands": b"P" + cbor.encode([bytes(32), []]),
        "short-secret": b"P" + cbor.encode([bytes(31), [b"c"]]),
        "command-no-bytes": b"P" + cbor.encode([bytes(32), ["text"]]),
        "padded": b"S" + padding.pad(body),
        "unpadded": b"S" + body,
        "length-lies": b"S" + b"\xff" + padding.pad(body)[1:],
        "response": b"R" + envelope.ReplyKey(bytes(31) + b"\x01", b"request").seal(b"answer"),
        "padding": b"U" + padding.pad(b"x" * 100),
    }
