"""What every service answers, whatever else it runs: the status of a command, who is who."""

from __future__ import annotations

from typing import Any

from tobari.base import wire
from tobari.base.messages.command import CommandId
from tobari.base.principal import Role
from tobari.enclave.runtime import Program, Transaction, query


class Service(Program):
    """Built in."""

    @query(authority=Role.MEMBER)
    def status(self, tx: Transaction, id: CommandId) -> Any:  # noqa: A002  (the argument's name on the wire)
        """What became of a command of the signer's own: an Outcome, UNKNOWN if it never came or is long past."""
        return wire.to_builtins(tx.outcome_of(id))

    @query(authority=Role.MEMBER)
    def members(self, tx: Transaction) -> list[dict[str, Any]]:
        """Name, key thumbprint and roles of every member."""
        return [
            {"name": name, "thumbprint": member.thumbprint, "roles": sorted(member.roles)}
            for name, member in sorted(tx.members.items())
        ]
