"""Following commands that were sent without waiting: asks for their states, and tells what changed since it asked last.

One envelope carries the questions about many commands, and their receipts are completed from the same tiles of the log.
No I/O and no clock: `changes` is a flow, whose pauses are counted as the time that passed.
"""

from __future__ import annotations

from collections.abc import Sequence

from tobari.client.command import SignedCommand
from tobari.client.flow import Flow, pause
from tobari.client.protocol import MAX_QUESTIONS, Protocol
from tobari.client.result import Result

FINAL = frozenset({"COMMITTED", "INVALID"})
"""What a command stays, once it is that."""
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds before each further round; the last one is repeated. Any change begins them anew."""
PATIENCE = 120.0
"""Seconds of waiting without any change: as long as a command lives, unless its caller said otherwise."""


class Watch:
    """Of commands of one key. `changes` is asked again and again until `over`."""

    def __init__(
        self, protocol: Protocol, commands: Sequence[SignedCommand | bytes], *, patience: float = PATIENCE
    ) -> None:
        self._protocol = protocol
        self._open: dict[bytes, bytes | None] = {}
        for command in commands:
            if isinstance(command, bytes):
                self._open.setdefault(command, None)
            else:
                self._open[command.id] = command.signed
        self._told: dict[bytes, str] = {}
        self._rounds = 0
        self._waited = 0.0
        self._patience = patience

    @property
    def over(self) -> bool:
        """All are final, or nothing has changed for as long as the caller wants to wait."""
        return not self._open or self._waited >= self._patience

    def changes(self) -> Flow[list[Result]]:
        """The first round tells the state of each command, later ones what is another state by then.

        Raises: as `Protocol.statuses` does.
        """
        if self._rounds:
            seconds = PAUSES[min(self._rounds, len(PAUSES)) - 1]
            yield from pause(seconds)
            self._waited += seconds
        self._rounds += 1
        changed = []
        asked = list(self._open.items())
        for first in range(0, len(asked), MAX_QUESTIONS):
            for result in (yield from self._protocol.statuses(asked[first : first + MAX_QUESTIONS])):
                if self._told.get(result.id) != result.status:
                    self._told[result.id] = result.status
                    changed.append(result)
                if result.status in FINAL:
                    del self._open[result.id]
        if changed:
            self._rounds, self._waited = 1, 0.0
        return changed
