"""The invite that an operator makes for a service of its own: the strictest policy that the service satisfies now.

It trusts the evidence on first sight, as whoever starts a service on its own machine may. Members compare the
measurement in it with code that they built or reviewed.
"""

from __future__ import annotations

import dataclasses
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tobari.client.attestation import NONCE, fetch_evidence
from tobari.client.http import Driver
from tobari.client.invite import Invite
from tobari.client.session import Session
from tobari.client.trust import TrustStore
from tobari.evidence.caution import Caution
from tobari.evidence.strictest import policy_from
from tobari.evidence.verify import verify


@dataclass(frozen=True, kw_only=True)
class OwnInvite:
    invite: Invite
    warnings: list[Caution]
    """What a relying party must be shown."""


def make_invite(url: str, *, known_as: str) -> OwnInvite:
    """Appraise the service at `url` and invite to it under the address `known_as`.

    Raises:
        TobariError: it does not answer, or its evidence does not hold.
    """
    with Driver(url) as driver:
        evidence = driver.run(fetch_evidence(secrets.token_bytes(NONCE)))
    policy = policy_from(verify(evidence, at=time.time_ns() // 1_000_000))
    # The session sends a nonce of its own: a replayed bundle makes a policy that nothing satisfies.
    with (
        tempfile.TemporaryDirectory(prefix="tobari-") as folder,
        Session.connect(url, policy=policy, trust=TrustStore(Path(folder))) as session,
    ):
        invite = session.invite(policy.to_toml())
        return OwnInvite(invite=dataclasses.replace(invite, url=known_as), warnings=session.attestation.warnings)
