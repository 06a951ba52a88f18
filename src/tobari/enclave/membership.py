"""Members and their keys, as the genesis file names them."""

from __future__ import annotations

from typing import NamedTuple

from tobari.base.messages.genesis import Genesis
from tobari.base.principal import Principal
from tobari.crypto.signing import VerifyingKey


class KeyedMember(NamedTuple):
    principal: Principal
    key: VerifyingKey


class Membership:
    """Who may sign, by name and by the thumbprint of the key."""

    def __init__(self, genesis: Genesis) -> None:
        members = [(member, VerifyingKey(bytes.fromhex(member.key))) for member in genesis.members]
        keyed = [
            KeyedMember(
                Principal(name=member.name, key=key.raw, thumbprint=key.thumbprint, roles=frozenset(member.roles)), key
            )
            for member, key in members
        ]
        self.principals = {member.principal.name: member.principal for member in keyed}
        self._by_thumbprint = {member.key.thumbprint: member for member in keyed}

    def by_thumbprint(self, thumbprint: bytes) -> KeyedMember | None:
        return self._by_thumbprint.get(thumbprint)
