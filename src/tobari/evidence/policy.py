"""AppraisalPolicy: which machines, running what, a relying party trusts (spec/appraisal-policy.md).

It is a TOML file that people write, and a text that travels in an invite: reading and writing are exact inverses, and
equal policies have equal texts. Unknown keys are errors: a misspelt restriction would silently restrict nothing. What
is left out under a platform is refused; what is left out above it (service, epochs, configuration, programs) is not
compared.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from tobari.base import toml, wire
from tobari.base.errors import Malformed
from tobari.base.messages.command import Name
from tobari.base.wire import Message
from tobari.evidence import toml as policy_toml
from tobari.evidence.claims import Guard

MAX_POLICY = 1 << 18
"""Characters of a policy file."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

HexDigest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
HexMeasurement = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{2}){16,64}\Z")]
MeasurementName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}\Z")]


class ReferenceValues(Message, frozen=True, kw_only=True):
    """One acceptable state of a machine: every measurement named here must match, those of one set together."""

    measurements: Annotated[dict[MeasurementName, HexMeasurement], Meta(min_length=1, max_length=32)]
    not_after: Annotated[datetime, Meta(tz=True)] | None = None
    """The last moment at which this set is accepted; with an offset."""

    def expired(self, at: int) -> bool:
        """Whether `at` (milliseconds since 1970) lies after `not_after`."""
        return self.not_after is not None and timedelta(milliseconds=at) > self.not_after - _EPOCH

    def match(self, measurements: dict[str, bytes]) -> bool:
        """Whether a machine with these measurements is in this state, expired or not."""
        found = {name: value.hex() for name, value in measurements.items()}
        return self.measurements.items() <= found.items()


class PlatformPolicy(Message, frozen=True, kw_only=True):
    """What every platform's table has."""

    roots: Annotated[list[HexDigest], Meta(min_length=1, max_length=64)]
    """Accepted trust anchors (`VerifiedEvidence.root`)."""
    reference_values: Annotated[list[ReferenceValues], Meta(min_length=1, max_length=256)]
    guards: Annotated[list[Guard], Meta(max_length=64)] = msgspec.field(default_factory=list)
    """All of these must be in force."""
    unsafe_allow_debug: bool = False
    """Accept a machine whose operator may look inside."""


class VirtualPolicy(PlatformPolicy, frozen=True, kw_only=True):
    """`[platform.virtual]`: no hardware."""

    unsafe_allow_virtual: bool = False
    """Accept evidence that protects nothing from the machine's root."""


class Platforms(Message, frozen=True, kw_only=True):
    """One table for each platform that may be accepted."""

    virtual: VirtualPolicy | None = None

    def table(self, platform: str) -> PlatformPolicy | None:
        """The table of that platform, None where the policy has none and so refuses it."""
        tables: dict[str, PlatformPolicy | None] = {"virtual": self.virtual}
        return tables.get(platform)


class AppraisalPolicy(Message, frozen=True, kw_only=True):
    """A whole policy file."""

    service: HexDigest | None = None
    """Service id: evidence of any other service is refused."""
    epochs: Annotated[list[Annotated[int, Meta(ge=0, lt=1 << 32)]], Meta(min_length=1, max_length=256)] | None = None
    max_age_seconds: Annotated[int, Meta(ge=1, le=366 * 86_400)] = 600
    configuration: HexDigest | None = None
    """Digest of the genesis configuration: members, their roles and keys, programs."""
    programs: Annotated[dict[Name, HexDigest], Meta(max_length=64)] | None = None
    """Source digests of all programs. One more is refused like one that differs: it would see the same data."""
    platform: Platforms

    def to_toml(self) -> str:
        """The text of this policy, the same for equal policies."""
        return policy_toml.emit(self)


def from_toml(text: str) -> AppraisalPolicy:
    """Read a policy file.

    Raises:
        Malformed: `policy.malformed`; the text names the key.
    """
    try:
        return wire.convert(toml.read(text, max_chars=MAX_POLICY), AppraisalPolicy)
    except Malformed as error:
        raise Malformed("policy.malformed", f"The appraisal policy is not valid: {error.message}") from None
