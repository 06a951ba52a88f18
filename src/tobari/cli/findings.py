"""What `tobari doctor` found: one line each, with what to do about it."""

from __future__ import annotations

from typing import Literal

from tobari.base.wire import Message


class Finding(Message, frozen=True, kw_only=True):
    """One check. `fail` means that something will not work; `warn`, that it will work less well or less safely."""

    name: str
    verdict: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Finding:
    return Finding(name=name, verdict="ok", found=found)


def warn(name: str, found: str, advice: str) -> Finding:
    return Finding(name=name, verdict="warn", found=found, advice=advice)


def fail(name: str, found: str, advice: str) -> Finding:
    return Finding(name=name, verdict="fail", found=found, advice=advice)
