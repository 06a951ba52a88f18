"""Result: what became of one command, checked against its receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tobari.base.errors import TobariError, Unavailable
from tobari.base.messages.command import Status
from tobari.ledger.receipt import Receipt


@dataclass(frozen=True, kw_only=True)
class Result:
    """An outcome that came sealed from the enclave; where there is a receipt, the receipt holds."""

    id: bytes
    """Of the command, 16 bytes."""
    status: Status
    """COMMITTED or INVALID for a command, ANSWERED for a query, UNKNOWN if the service knows nothing of it."""
    value: Any = None
    """Plain CBOR values. `{"index": n}` for a command so old that only its place in the log is still known."""
    error: TobariError | None = None
    """Why it was refused. Beside COMMITTED: why the value could not be sent."""
    receipt: Receipt | None = None
    """None for queries, for what left no entry, and for commands long past."""

    def check(self) -> Result:
        """The result itself, if it is a good one.

        Raises:
            TobariError: its `error`.
            Unavailable: `client.unknown`, if the service knows nothing of the command.
        """
        if self.error is not None:
            raise self.error
        if self.status == "UNKNOWN":
            raise Unavailable(
                "client.unknown", "The service knows nothing of this command: it never came, or is long past."
            )
        return self
