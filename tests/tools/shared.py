"""Where the inputs that others made are: real vectors and data, kept outside the repository.

Tests find them by TOBARI_VECTORS and TOBARI_DATA, or beside the checkout; where they are not, such tests are skipped.
"""

from __future__ import annotations

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def vectors_root() -> pathlib.Path | None:
    return _root("TOBARI_VECTORS", "vectors")


def data_root() -> pathlib.Path | None:
    return _root("TOBARI_DATA", "data")


def _root(variable: str, name: str) -> pathlib.Path | None:
    path = pathlib.Path(os.environ.get(variable) or ROOT.parent / "shared" / name)
    return path if path.is_dir() else None
