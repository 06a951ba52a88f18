"""Issue, transfer and burn, with private balances and a public supply.

The supply stands in the open part of every entry that changes it; who holds what is sealed. Amounts are whole units.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tobari.base.errors import Conflict
from tobari.base.principal import MemberName, Role
from tobari.enclave.runtime import Program, Transaction, command, private_map, public_value, query

MAX_SUPPLY = (1 << 53) - 1
"""What every client, JavaScript included, counts exactly. No balance can exceed it, so no sum overflows."""

PositiveInt = Annotated[int, Meta(gt=0, le=MAX_SUPPLY)]


class Currency(Program):
    """A digital currency with one issuer role."""

    balances = private_map("balances", str, int)
    supply = public_value("supply", int, default=0)

    @command(authority=Role.ISSUER)
    def issue(self, tx: Transaction, to: MemberName, amount: PositiveInt) -> int:
        """Create `amount` for a member; returns the new supply."""
        account = tx.member(to).name
        supply = self.supply.get(tx) + amount
        if supply > MAX_SUPPLY:
            raise Conflict("currency.supply", f"The supply may be at most {MAX_SUPPLY} units.")
        balances = self.balances(tx)
        balances[account] = balances.get(account, 0) + amount
        self.supply.set(tx, supply)
        return supply

    @command(authority=Role.ISSUER)
    def burn(self, tx: Transaction, amount: PositiveInt) -> int:
        """Destroy `amount` of the issuer's own; returns the new supply."""
        self._take(tx, amount)
        supply = self.supply.get(tx) - amount
        self.supply.set(tx, supply)
        return supply

    @command(authority=Role.MEMBER)
    def transfer(self, tx: Transaction, to: MemberName, amount: PositiveInt) -> int:
        """Give `amount` to a member; returns the sender's balance."""
        account = tx.member(to).name
        self._take(tx, amount)
        # Read the receiver's balance after the sender's is written: to oneself, both are the same account.
        balances = self.balances(tx)
        balances[account] = balances.get(account, 0) + amount
        return balances.get(tx.principal.name, 0)

    @query(authority=Role.MEMBER)
    def balance(self, tx: Transaction) -> int:
        """The signer's own balance."""
        return self.balances(tx).get(tx.principal.name, 0)

    @query(authority=Role.MEMBER)
    def total(self, tx: Transaction) -> int:
        """The public supply."""
        return self.supply.get(tx)

    def _take(self, tx: Transaction, amount: int) -> None:
        balances = self.balances(tx)
        rest = balances.get(tx.principal.name, 0) - amount
        if rest < 0:
            raise Conflict("currency.funds", "The balance does not cover this amount.")
        balances[tx.principal.name] = rest
