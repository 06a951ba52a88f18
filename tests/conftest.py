"""Fixtures that every part's tests may use."""

from __future__ import annotations

import asyncio
import inspect
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


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Coroutine tests run in a plain event loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True
