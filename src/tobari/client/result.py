"""Result: what became of one command, checked against its receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tobari.base.errors import NotFound, TobariError, Unavailable, Untrusted
from tobari.base.messages.command import Status
from tobari.ledger.receipt import Receipt


@dataclass(frozen=True, kw_only=True)
class Result:
    """An outcome that came sealed from the enclave; where there is a receipt, the receipt holds."""

    id: bytes
    """Of the command, 16 bytes."""
    status: Status
    """COMMITTED or INVALID for a command, ANSWERED for a query, UNKNOWN if what became of it is not known."""
    value: Any = None
    """Plain CBOR values."""
    error: TobariError | None = None
    """Why it was refused, or why it is not known. Beside COMMITTED: why there is no value any more."""
    receipt: Receipt | None = None
    """None for queries, for what left no entry, and for commands long past."""

    def check(self) -> Result:
        """The result itself, if it is COMMITTED or ANSWERED, with its value.

        Raises:
            TobariError: its `error`.
            NotFound: `client.value_missing`, it was committed, and only that is still known.
            Unavailable: `client.unknown`, if what became of the command is not known.
            Untrusted: `client.answer`, a status that none of these explains.
        """
        if self.status == "COMMITTED" and self.error is not None:
            raise NotFound(
                "client.value_missing",
                f"The command was committed: do not send another for it. Its value cannot be had: {self.error}",
            ) from self.error
        if self.error is not None:
            raise self.error
        if self.status in ("UNKNOWN", "PENDING"):
            raise Unavailable(
                "client.unknown",
                f"The service knows nothing of the command {self.id.hex()}: it has not come yet, or is long past.",
            )
        if self.status == "INVALID":
            raise Untrusted("client.answer", "The service refused the command and does not say why; report this.")
        return self
