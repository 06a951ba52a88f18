"""Asking a service for evidence and appraising it (spec/evidence.md). Keys come out of what was accepted.

1. The evidence answers a fresh nonce, is authentic, and the policy accepts it (`tobari.evidence`).
2. Service id and origin are those of the identity that signs checkpoints.
3. The service is the pinned one, if one is pinned.
4. It offers a key we can seal to, the strongest kind first.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

from tobari.base.errors import NotFound, Untrusted
from tobari.base.messages.relay import EVIDENCE_TYPE
from tobari.client.flow import Flow, Request, exchange
from tobari.client.relay import expect_type, problem
from tobari.crypto.hpke import Kem, RecipientPublicKey
from tobari.crypto.kdf import labelled_hash
from tobari.crypto.labels import Label
from tobari.crypto.signing import VerifyingKey
from tobari.evidence import bundle
from tobari.evidence.appraise import appraise
from tobari.evidence.bundle import MAX_BUNDLE, EvidenceBundle
from tobari.evidence.claims import Claims
from tobari.evidence.policy import AppraisalPolicy
from tobari.evidence.result import AttestationResult
from tobari.evidence.verify import verify
from tobari.ledger.note import NoteKey

NONCE = 32


@dataclass(frozen=True, kw_only=True)
class Attested:
    """A service that was appraised, and what to seal to and verify with until its epoch changes."""

    result: AttestationResult
    bundle: EvidenceBundle
    """The evidence itself, for others to appraise."""
    service: bytes
    """Service id, 32 bytes."""
    epoch: int
    key: NoteKey
    """Verifies its checkpoints."""
    recipient: RecipientPublicKey


def service_id_of(identity: VerifyingKey) -> bytes:
    """The service id (32 bytes) that belongs to an identity."""
    return labelled_hash(Label.SERVICE_ID, identity.raw)


def origin_of(service: bytes) -> str:
    """The origin of a service's log: the name of the key that signs its checkpoints."""
    return f"tobari/{service.hex()}"


def fetch_evidence(nonce: bytes) -> Flow[EvidenceBundle]:
    """Evidence over a nonce of 32 bytes; nothing in it is verified.

    Raises:
        TobariError: what the host reports instead; Malformed, TooLarge, Unavailable as `flow.exchange` says.
    """
    text = base64.urlsafe_b64encode(nonce).rstrip(b"=").decode()
    response = yield from exchange(Request(method="GET", path=f"/v1/evidence?nonce={text}", max_bytes=MAX_BUNDLE))
    if response.status == 404:
        raise NotFound("client.no_service", "There is no Tobari service at this address.")
    if response.status != 200:
        raise problem(response)
    expect_type(response, EVIDENCE_TYPE)
    return bundle.decode(response.body)


def attest(policy: AppraisalPolicy, *, service: bytes | None, now: Callable[[], int]) -> Flow[Attested]:
    """Steps 1 to 4, with a fresh nonce.

    Args:
        service: the pinned service id; None takes whichever service the policy accepts.
        now: own clock, milliseconds since 1970.

    Raises:
        EvidenceRefused, Untrusted: `evidence.*`; `client.identity` (2), `client.service` (3), `client.no_kem` (4).
        TobariError: as `fetch_evidence` says.
    """
    # 1
    nonce = secrets.token_bytes(NONCE)
    found = yield from fetch_evidence(nonce)
    at = now()
    result = appraise(verify(found, at=at), policy, nonce=nonce, at=at)
    claims = result.claims
    assert claims is not None
    # 2
    identity = VerifyingKey(claims.identity)
    if not compare_digest(service_id_of(identity), claims.service) or claims.origin != origin_of(claims.service):
        raise Untrusted("client.identity", "The service id or the origin does not belong to the service's identity.")
    # 3
    if service is not None and not compare_digest(service, claims.service):
        raise Untrusted(
            "client.service", "Another service answers at this address than the one you know: ask its members."
        )
    return Attested(
        result=result,
        bundle=found,
        service=claims.service,
        epoch=claims.epoch,
        key=NoteKey(name=claims.origin, key=identity),
        recipient=_recipient(claims),
    )


def _recipient(claims: Claims) -> RecipientPublicKey:
    # 4
    offered = {entry.kem: entry.key for entry in claims.kems}
    for kem in Kem:
        if kem in offered:
            return RecipientPublicKey(kem, offered[kem])
    raise Untrusted("client.no_kem", "The service offers no key that this version can seal to: update.")
