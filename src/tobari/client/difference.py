"""What a service was accepted under, against what an invite now says: line by line, for people (spec/invite.md).

It judges nothing: `Profile.refuse_other_policy` refuses every difference in the policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tobari.base import wire
from tobari.base.wire import Message
from tobari.evidence.policy import AppraisalPolicy


class Difference(Message, frozen=True, kw_only=True):
    """One place where the two differ."""

    what: str
    """A key of the policy with dots, such as `platform.virtual.roots`; or `url`."""
    held: str | None
    """What was accepted before; None if it was not compared."""
    offered: str | None


def differences(held: AppraisalPolicy, offered: AppraisalPolicy) -> list[Difference]:
    """Every key whose values differ, sorted; empty for equal policies and no others."""
    before, after = dict(_lines(wire.to_builtins(held))), dict(_lines(wire.to_builtins(offered)))
    return [
        Difference(what=key, held=before.get(key), offered=after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _lines(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Keys and values of a policy; the tables of an array are counted from 1."""
    match value:
        case None:
            return
        case list() if any(isinstance(entry, dict) for entry in value):
            yield from _lines({str(number): entry for number, entry in enumerate(value, 1)}, path)
        case dict() if value:
            for key, entry in value.items():
                yield from _lines(entry, f"{path}.{key}" if path else key)
        case list():
            yield path, ", ".join(map(str, value)) or "none"
        case dict():
            yield path, "none"
        case _:
            yield path, str(value)
