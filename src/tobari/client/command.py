"""Commands on their way out (spec/command.md): made, signed, and kept as signed, so that one can be sent again.

The same signed bytes may be sent any number of times: the enclave runs a command id once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from tobari.base import wire
from tobari.base.errors import Malformed
from tobari.base.messages.command import MAX_LIFETIME, Command
from tobari.crypto.labels import Label
from tobari.crypto.signing import SigningKey, sign1

COMMAND_ID = 16


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is asked of a program."""

    program: str
    command: str
    args: dict[str, Any] = field(default_factory=dict)
    """By the argument's name: plain values, or messages."""


@dataclass(frozen=True, kw_only=True)
class SignedCommand:
    """A command as it is sent."""

    id: bytes
    """16 random bytes: its status is asked by them."""
    signed: bytes
    """COSE_Sign1. It holds the arguments in the open: keep it as you keep them."""

    def __repr__(self) -> str:
        return f"SignedCommand(id={self.id.hex()}, …)"


def sign_command(
    call: Call, key: SigningKey, *, service: bytes, now: int, lifetime: float, command_id: bytes | None = None
) -> SignedCommand:
    """Address a command to a service and sign it.

    Args:
        service: the service id (32 bytes).
        now: milliseconds since 1970.
        lifetime: seconds until it is void, at most 600.
        command_id: fresh random bytes if left out.

    Raises:
        Malformed: `client.lifetime`, `client.command_id`; `message.malformed` for a name that no program has.
    """
    milliseconds = int(lifetime * 1000)
    if not 0 < milliseconds <= MAX_LIFETIME:
        raise Malformed("client.lifetime", f"A command lives for 1 to {MAX_LIFETIME // 1000} seconds.")
    if command_id is not None and len(command_id) != COMMAND_ID:
        raise Malformed("client.command_id", f"A command id has {COMMAND_ID} random bytes.")
    command = {
        "program": call.program,
        "command": call.command,
        "args": wire.to_builtins(call.args),
        "audience": service,
        "id": command_id or secrets.token_bytes(COMMAND_ID),
        "expires": now + milliseconds,
    }
    checked = wire.convert(command, Command)
    return SignedCommand(id=checked.id, signed=sign1(key, wire.to_cbor(checked), label=Label.COMMAND))
