"""Fixtures that every part's tests may use."""

from __future__ import annotations

import pathlib

import pytest

from tests.tools import shared


@pytest.fixture(scope="session")
def shared_vectors() -> pathlib.Path:
    """The folder of vectors that others made."""
    root = shared.vectors_root()
    if root is None:
        pytest.skip("no shared vectors here: set TOBARI_VECTORS to their folder")
    return root


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """The folder of data sets that others made."""
    root = shared.data_root()
    if root is None:
        pytest.skip("no shared data here: set TOBARI_DATA to its folder")
    return root
