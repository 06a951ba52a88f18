"""The strictest policy that a piece of evidence satisfies: how an invite pins the service it was made for.

Whoever makes a policy from evidence trusts that evidence on first sight: compare it with what you built or reviewed.
"""

from __future__ import annotations

from tobari.base.errors import Untrusted
from tobari.evidence.appraise import appraise
from tobari.evidence.claims import read_bound
from tobari.evidence.formats import virtual
from tobari.evidence.policy import AppraisalPolicy, Platforms, ReferenceValues, VirtualPolicy
from tobari.evidence.verified import VerifiedEvidence


def policy_from(evidence: VerifiedEvidence) -> AppraisalPolicy:
    """Pin everything that the policy language can pin: root, code, guards, service, epoch, configuration, programs.

    For `virtual` it says `unsafe_allow_virtual = true`, since no policy accepts that platform otherwise. It carries no
    expiry and the default age.

    Raises:
        Untrusted: `evidence.platform_refused`, or as `appraise` says: no policy is made from a debug machine, nor where
            report and claims contradict each other.
    """
    claims = read_bound(evidence.claims, report_data=evidence.report_data)
    if evidence.platform != virtual.PLATFORM:
        raise Untrusted("evidence.platform_refused", "This version has no policy for that platform: update.")
    table = VirtualPolicy(
        unsafe_allow_virtual=True,
        roots=[evidence.root.hex()],
        reference_values=[
            ReferenceValues(measurements={name: value.hex() for name, value in sorted(evidence.measurements.items())})
        ],
        guards=sorted(set(claims.guards)),
    )
    policy = AppraisalPolicy(
        service=claims.service.hex(),
        epochs=[claims.epoch],
        configuration=claims.configuration.hex(),
        programs={name: digest.hex() for name, digest in sorted(claims.programs.items())},
        platform=Platforms(virtual=table),
    )
    appraise(evidence, policy, nonce=claims.nonce, at=evidence.issued_at or 0)
    return policy
