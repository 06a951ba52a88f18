"""What `tobari doctor` looks at in the user's profile: key files, the virtual root, and each known service."""

from __future__ import annotations

import time
from pathlib import Path

from tobari.base.errors import TobariError, Unavailable
from tobari.cli.findings import Finding, fail, ok, warn
from tobari.cli.virtual_root import check_root, state_directory
from tobari.client.profile import Profile
from tobari.client.session import Session

_SKEW = 60_000
"""Milliseconds by which this clock may differ from a service's before commands are at risk of being void."""


def examine() -> list[Finding]:
    """All checks of the profile, in a fixed order; it contacts every known service."""
    profile = Profile.default()
    return [*_keys(profile), *_root(state_directory() / "virtual-root"), *_services(profile)]


def _keys(profile: Profile) -> list[Finding]:
    found, names = [], profile.keys()
    for name in names:
        try:
            profile.key(name)
        except TobariError as error:
            found.append(fail(f"key {name}", error.code, error.message))
        else:
            found.append(ok(f"key {name}", "private"))
    return found or [ok("keys", f"none in {profile.home}")]


def _root(path: Path) -> list[Finding]:
    if not path.exists():
        return []
    try:
        check_root(path)
    except TobariError as error:
        return [fail("virtual root", error.code, error.message)]
    return [ok("virtual root", str(path))]


def _services(profile: Profile) -> list[Finding]:
    return [finding for name in profile.services() for finding in _service(profile, name)]


def _service(profile: Profile, name: str) -> list[Finding]:
    label = f"service {name}"
    try:
        known = profile.service(name)
        policy, service = known.appraisal_policy, known.service
        with Session.connect(known.url, policy=policy, trust=profile.trust, service=service) as session:
            result = session.attestation
    except Unavailable as error:
        return [warn(label, error.code, error.message)]
    except TobariError as error:
        return [fail(label, error.code, error.message)]
    findings = [ok(label, f"{known.url}: {result.platform}, {len(result.steps)} steps hold")]
    if result.warnings:
        findings.append(warn(label, result.platform, result.warnings[0].en))
    if result.issued_at is not None and abs(time.time_ns() // 1_000_000 - result.issued_at) > _SKEW:
        findings.append(warn(label, "the clocks differ by more than a minute", "Set this clock, or ask the operator."))
    return findings
