"""Deciding from bytes whether to trust a machine (RATS, RFC 9334). Pure: no I/O, no clock, nothing fetched.

Three steps in three places, each usable alone:

    formats/    bytes to fields; believes nothing
    verify      signature and chain up to a trust anchor, at a given time; raises Untrusted (one per platform)
    appraise    numbered comparison with an appraisal policy; returns an AttestationResult, or raises EvidenceRefused

`recognise` turns a file in any spelling into an EvidenceBundle; `strictest` turns evidence into the policy that accepts
it and little else. The specification is spec/evidence.md and spec/appraisal-policy.md.
"""
