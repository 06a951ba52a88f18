"""Who acts: Principal and Role, kernel nouns that every program shares."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from tobari.base.wire import Message

MemberName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}\Z")]
"""A member's name, unique in its consortium."""


class Role(enum.StrEnum):
    """What a member may do. Programs name the role that each of their commands needs."""

    MEMBER = "member"
    """Every member, without being told."""
    OWNER = "owner"
    """Hands in data under terms of its own."""
    ANALYST = "analyst"
    """Asks what the terms allow."""
    ISSUER = "issuer"
    """Issues and burns currency."""
    AUDITOR = "auditor"


class Principal(Message, frozen=True, kw_only=True):
    """A member that signed a command."""

    name: MemberName
    key: bytes
    """Its public key: 32 bytes (Ed25519) or 33 (P-256)."""
    thumbprint: bytes
    """Names that key (32 bytes)."""
    roles: frozenset[Role]

    def has(self, role: Role) -> bool:
        return role is Role.MEMBER or role in self.roles
