"""Evidence in any spelling, verified and appraised: nothing but the honest machine's own words is accepted."""

from __future__ import annotations

import base64

from tests.tools import machines
from tobari.base import wire
from tobari.base.errors import TobariError
from tobari.evidence.appraise import appraise
from tobari.evidence.recognise import recognise
from tobari.evidence.verify import verify

HONEST = machines.HONEST.bundle()


def run(data: bytes) -> None:
    try:
        bundle = recognise(data)
        assert recognise(bundle.encode()) == bundle
        verified = verify(bundle, at=machines.NOW)
        result = appraise(verified, machines.POLICY, nonce=machines.NONCE, at=machines.NOW)
    except TobariError:
        return
    assert result
    assert bundle == HONEST, "evidence that the honest machine did not give is accepted"


def seeds() -> dict[str, bytes]:
    good = HONEST.encode()
    return {
        "cbor": good,
        "hex": good.hex().encode(),
        "base64": base64.encodebytes(good),
        "base64url": base64.urlsafe_b64encode(good).rstrip(b"="),
        "json": wire.to_json(HONEST),
        "json-deep": b'{"platform":' + b"[" * 2000,
        "debug": machines.Machine(debug=True).bundle().encode(),
        "stranger": machines.Machine(root=machines.STRANGER).bundle().encode(),
    }
