"""Commands and their answers (spec/command.md). Client and enclave read these; the host sees neither."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from tobari.base.wire import Message

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z")]
Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]
CommandId = Annotated[bytes, Meta(min_length=16, max_length=16)]

MAX_COMMANDS = 256
"""Signed commands in one envelope."""
MAX_ENVELOPE = 1 << 20
"""Bytes of one sealed envelope, in either direction."""
MAX_LIFETIME = 600_000
"""Milliseconds a command may lie ahead of log time when it expires: replay ids are kept that long."""

Status = Literal["COMMITTED", "INVALID", "ANSWERED", "PENDING", "UNKNOWN"]


class Command(Message, frozen=True, kw_only=True):
    """The payload that a member signs (COSE_Sign1 under `Label.COMMAND`)."""

    program: Name
    command: Name
    args: dict[str, Any]
    audience: Digest
    """Service id: a command for one service is void at every other."""
    id: CommandId
    """Random, used once."""
    expires: int
    """Log time in milliseconds; at most MAX_LIFETIME ahead."""


class ErrorReport(Message, frozen=True, kw_only=True):
    status: int
    code: str
    message: str


class Placement(Message, frozen=True, kw_only=True):
    """Where the log holds a command: what a receipt is made of."""

    index: int
    header: bytes
    """Canonical bytes of the leaf header (the Merkle leaf)."""
    claims: bytes
    salt: bytes
    proof: list[Digest] | None = None
    """Inclusion proof in the tree of `Answer.tree_size`; None when asked later: tiles give it."""


class Outcome(Message, frozen=True, kw_only=True):
    """What became of one command. ANSWERED is a query's; the others are a command's."""

    status: Status
    value: Any = None
    error: ErrorReport | None = None
    placement: Placement | None = None


class Answer(Message, frozen=True, kw_only=True):
    """The plaintext of a sealed response: one outcome for each command of the envelope, in order."""

    tree_size: int
    root_hash: Digest
    outcomes: list[Outcome]


class CommandClaims(Message, frozen=True, kw_only=True):
    """What a receipt proves of a command, salted and hashed into its leaf header."""

    command: Digest
    """SHA-256 of the signed command as sent."""
    status: Literal["COMMITTED", "INVALID"]
    value: Digest
    """SHA-256 of the canonical CBOR of `Outcome.value` (of `Outcome.error` if INVALID)."""
