"""The virtual platform's root: 32 random bytes, made once for each installation, kept outside every data directory.

Whoever has it can make evidence in the machine's name and open its sealed state; so can root on this machine. It is
handed to the enclave as an open descriptor and read nowhere else.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from tobari.base.errors import Refused
from tobari.client import files

ROOT = 32
"""Bytes."""


def state_directory() -> Path:
    """Where an installation keeps what is its own: `$XDG_STATE_HOME/tobari`."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "tobari"


def ensure_root(path: Path, *, data: Path) -> None:
    """Make the root unless it is there, readable for its owner alone. A crash leaves a whole root or none.

    Raises:
        Refused: `host.root_in_data`; `cli.root_file`, what is there is no such file, or others may read it.
        OSError: it cannot be made.
    """
    if path.resolve().is_relative_to(data.resolve()):
        raise Refused(
            "host.root_in_data", "The virtual platform's root must lie outside the data directory; move it away."
        )
    if not os.path.lexists(path):
        files.make(path.parent)
        # Another process may be faster: then its root stands.
        with contextlib.suppress(FileExistsError):
            files.create(path, secrets.token_bytes(ROOT))
    check_root(path)


def check_root(path: Path) -> None:
    """
    Raises:
        Refused: `cli.root_file`.
        OSError: it cannot be looked at.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size != ROOT:
        raise Refused("cli.root_file", f"{path} is not the root of a virtual platform: name another file.")
    if found.st_mode & 0o077:
        raise Refused("cli.root_file", f"Others may read {path}: run chmod 600 on it, and found the service anew.")
