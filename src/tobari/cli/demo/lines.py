"""The demo's sentences in this process's language, out of sentences.toml, which holds them all."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any

from tobari.cli import texts


@functools.cache
def catalogue() -> dict[str, dict[str, str]]:
    """Sentences by id, then by language."""
    return tomllib.loads(resources.files(__package__).joinpath("sentences.toml").read_text("utf-8"))


def say(key: str, **facts: Any) -> str:
    """One sentence."""
    return catalogue()[key][texts.language()].format(**facts)


def verdict(ok: bool | None) -> str:
    """How a verdict is shown."""
    return say(f"verdict.{str(ok).lower()}")
