"""The commands that went through this proxy, as they were signed: a later receipt is held against them.

In memory, bounded in number and size; what is forgotten is still known to the service by its id.
"""

from __future__ import annotations

from collections import OrderedDict

from tobari.base.errors import Conflict, Malformed
from tobari.cli.proxy.limits import MAX_REMEMBERED
from tobari.client.command import COMMAND_ID, SignedCommand

_MAX_BYTES = 64 << 20
"""Of all signed commands together."""


class Submitted:
    """By id, the oldest forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, SignedCommand] = OrderedDict()
        self._size = 0

    def add(self, command: SignedCommand) -> None:
        self._kept[command.id] = command
        self._size += len(command.signed)
        while len(self._kept) > MAX_REMEMBERED or self._size > _MAX_BYTES:
            self._size -= len(self._kept.popitem(last=False)[1].signed)

    def unused(self, text: str) -> bytes:
        """A command id that its caller chose.

        Raises:
            Malformed: `proxy.id`.
            Conflict: `proxy.id_used`.
        """
        command_id = read_id(text)
        if command_id in self._kept:
            raise Conflict("proxy.id_used", "A command with this id was sent before: ask for its status.")
        return command_id

    def find(self, text: str) -> SignedCommand | bytes:
        """The command of that id as it was signed, or the id alone.

        Raises:
            Malformed: `proxy.id`.
        """
        command_id = read_id(text)
        return self._kept.get(command_id, command_id)


def read_id(text: str) -> bytes:
    """
    Raises:
        Malformed: `proxy.id`.
    """
    if len(text) != 2 * COMMAND_ID or not set(text) <= set("0123456789abcdef"):
        raise Malformed("proxy.id", f"A command's id is {2 * COMMAND_ID} lower-case hexadecimal digits.")
    return bytes.fromhex(text)
