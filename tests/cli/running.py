"""Running the command line in tests: in this process for speed, in a process of its own where exit codes count."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

from typer.testing import CliRunner, Result

from tobari.cli.application import app

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = {"TOBARI_LANG": "en", "LANG": "C.UTF-8"}


def invoke(*words: object, env: dict[str, str] | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(
        app, [str(word) for word in words], env={**ENVIRONMENT, **(env or {})}, prog_name="tobari"
    )


def document(result: Result) -> Any:
    """The one JSON document on stdout."""
    return json.loads(result.stdout)


def run(*words: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tobari.cli.main", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
        env={**os.environ, **ENVIRONMENT, **(env or {})},
    )
