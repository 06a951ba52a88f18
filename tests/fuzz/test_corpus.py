"""Every fuzz target over its kept inputs, and over what hypothesis makes of them; `make fuzz` goes further."""

from __future__ import annotations

import pathlib
import resource
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import corpus

IN_PROCESS = [target for target in corpus.TARGETS if target != "tables"]
"""The decoders behind `tables` are not Python: an input that ends the process must not end the tests."""
MEMORY = 2 << 30
REPLAY = "from tests.fuzz import corpus; print(corpus.replay('tables'))"


@pytest.mark.parametrize("target", IN_PROCESS)
def test_the_kept_inputs(target: str) -> None:
    assert corpus.replay(target) > 0


@pytest.mark.parametrize("target", IN_PROCESS)
def test_the_neighbours_of_the_kept_inputs(target: str) -> None:
    run = corpus.load(target).run
    kept = [path.read_bytes() for path in corpus.files(target)]

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.data())
    def neighbours(data: st.DataObject) -> None:
        run(data.draw(altered(kept)))

    neighbours()


@st.composite
def altered(draw: st.DrawFn, kept: list[bytes]) -> bytes:
    """One input with a piece of another, or of noise, in place of some of its bytes."""
    base, other = draw(st.sampled_from(kept)), draw(st.sampled_from(kept))
    start = draw(st.integers(0, len(base)))
    end = draw(st.integers(start, min(len(base), start + 40)))
    piece = draw(st.binary(max_size=8) | st.integers(0, len(other)).map(lambda at: other[at : at + 40]))
    return base[:start] + piece + base[end:]


def test_the_kept_files_of_owners_in_a_process_with_little_memory() -> None:
    limited = subprocess.run(
        [sys.executable, "-c", REPLAY],
        cwd=corpus.HERE.parents[1],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert limited.returncode == 0, limited.stderr
    assert int(limited.stdout) == len(corpus.files("tables"))


def test_every_target_has_its_inputs_and_they_are_few_and_small() -> None:
    assert sorted(folder.name for folder in corpus.FOLDER.iterdir()) == corpus.TARGETS
    for target in corpus.TARGETS:
        found = corpus.files(target)
        assert 0 < len(found) <= corpus.MAX_FILES
        assert all(path.stat().st_size < corpus.MAX_FILE for path in found), target
        assert set(corpus.load(target).seeds()) <= {path.name for path in found}, "python -m tests.fuzz.corpus"


def test_a_target_that_raises_is_told_with_its_input(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toml").mkdir()
    (tmp_path / "toml" / "broken").write_bytes(b"x")
    monkeypatch.setattr(corpus, "FOLDER", tmp_path)
    monkeypatch.setattr(corpus.load("toml"), "run", lambda data: 1 // 0)
    with pytest.raises(ZeroDivisionError) as raised:
        corpus.replay("toml")
    assert "broken" in raised.value.__notes__[0]
