"""COSE_Sign1: what is taken apart goes together to the same bytes, and no altered one verifies."""

from __future__ import annotations

from tobari.base import cose
from tobari.base.errors import TobariError
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey, VerifyingKey, sign1, signer1, verify1

KEY = SigningKey.from_seed(bytes(32))
P256 = VerifyingKey(bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"))
SIGNED = {payload: sign1(KEY, payload, label=Label.COMMAND) for payload in (b"", b"payload", bytes(300))}
LIMIT = 1 << 16


def run(data: bytes) -> None:
    try:
        parsed = cose.parse(data, max_bytes=LIMIT)
    except TobariError:
        return
    again = cose.assemble(protected=parsed.protected, payload=parsed.payload, signature=parsed.signature)
    assert again == data
    assert signer1(data, max_bytes=LIMIT) == parsed.kid
    for key in (KEY.public, P256):
        try:
            payload = verify1(data, key, label=Label.COMMAND, max_bytes=LIMIT)
        except TobariError:
            continue
        assert SIGNED.get(payload) == data, "a signature that nobody made verifies"


def seeds() -> dict[str, bytes]:
    header = cose.protected_header(alg=cose.ES256, kid=P256.thumbprint)
    return {
        "signed": SIGNED[b"payload"],
        "empty": SIGNED[b""],
        "other-label": sign1(KEY, b"payload", label=Label.TERMS),
        "es256": cose.assemble(protected=header, payload=b"payload", signature=bytes(64)),
        "es256-short": cose.assemble(protected=header, payload=b"payload", signature=b"\x01"),
        "no-kid": cose.assemble(protected=b"\xa1\x01\x27", payload=b"", signature=bytes(64)),
        "tagged": b"\xd2" + SIGNED[b"payload"],
    }
