"""Release, a kernel noun: what leaves, to whom, under which terms. Kept: the same question gets the same answer."""

from __future__ import annotations

from typing import Any

from tobari.base.messages.command import Digest
from tobari.base.principal import MemberName
from tobari.base.wire import Message


class Release(Message, frozen=True, kw_only=True):
    """A result and what it was made of. The log commits to its parts in the open; the result stays sealed."""

    id: Digest
    by: MemberName
    """Who asked first."""
    recipients: list[MemberName]
    """Who may have it: those whom every dataset's terms name."""
    datasets: list[bytes]
    terms: list[Digest]
    query: Digest
    result_digest: Digest
    """SHA-256 of the canonical CBOR of `result`."""
    result: Any
    salt: Digest
    """Opens what the log shows of this release (`tobari.ledger.disclosure`)."""
    time: int
    """Log time in milliseconds."""
    entry: int
    """Index of the log entry that commits to it."""
