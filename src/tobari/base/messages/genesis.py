"""The genesis file: who founds the consortium and what it runs (spec/genesis.md). It is public to the members."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tobari.base import toml, wire
from tobari.base.errors import Malformed
from tobari.base.messages.command import Name
from tobari.base.principal import MemberName, Role
from tobari.base.wire import Message

MAX_GENESIS = 1 << 20


class Member(Message, frozen=True, kw_only=True):
    """An organisation or person that may sign commands."""

    name: MemberName
    key: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z|^[0-9a-f]{66}\Z")]
    """Public key in hex: Ed25519 (32 bytes) or P-256 compressed (33 bytes)."""
    roles: list[Role]
    """What it may do; the role `member` goes without saying."""


class Genesis(Message, frozen=True, kw_only=True):
    """The first state of a service.

    Raises:
        Malformed: `genesis.duplicate` for a name, key or program that stands twice.
    """

    name: MemberName
    members: Annotated[list[Member], Meta(min_length=1, max_length=4096)]
    programs: Annotated[list[Name], Meta(min_length=1, max_length=64)]

    def __post_init__(self) -> None:
        for what in ([m.name for m in self.members], [m.key for m in self.members], self.programs):
            if len(set(what)) != len(what):
                raise Malformed("genesis.duplicate", "A member's name, a key or a program stands twice.")

    def encode(self) -> bytes:
        """Canonical bytes; their SHA-256 is the configuration digest in the evidence."""
        return wire.to_cbor(self)


def from_toml(text: str) -> Genesis:
    """Read a genesis file.

    Raises:
        Malformed: `genesis.malformed`, or `genesis.duplicate` for a name or key that stands twice.
    """
    try:
        table = toml.read(text, max_chars=MAX_GENESIS)
        return wire.convert({**table, "members": table.get("members", [])}, Genesis)
    except Malformed as error:
        if error.code == "genesis.duplicate":
            raise
        raise Malformed("genesis.malformed", f"The genesis file is not valid: {error.message}") from None
