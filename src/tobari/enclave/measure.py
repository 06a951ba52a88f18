"""What code this is: the measurement of the enclave's zones, and one digest for each program.

On `virtual` the enclave measures itself, which proves nothing to anybody who does not trust the machine. It covers the
zones of this package that the enclave runs, not the interpreter and not the libraries.
"""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

import tobari
from tobari.crypto.kdf import labelled_hash
from tobari.crypto.labels import Label
from tobari.enclave.runtime.program import Program

ZONES = ("base", "crypto", "evidence", "ledger", "rules", "enclave")


def measure_code() -> bytes:
    """32 bytes over path and content of every source file of the enclave's zones."""
    package = Path(tobari.__file__).parent
    files = sorted([package / "__init__.py", *(path for zone in ZONES for path in (package / zone).rglob("*.py"))])
    parts = [part for path in files for part in (path.relative_to(package).as_posix().encode(), path.read_bytes())]
    return labelled_hash(Label.MEASUREMENT, *parts)


def program_digest(program: type[Program]) -> bytes:
    """SHA-256 of the source file that defines the program."""
    source = inspect.getsourcefile(program)
    assert source is not None
    return hashlib.sha256(Path(source).read_bytes()).digest()
