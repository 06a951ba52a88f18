"""The catalogue: both languages say the same with the same facts, and every sentence is said somewhere."""

from __future__ import annotations

import pathlib
import re
import string

import pytest

import tobari.cli.demo
from tobari.cli.demo import lines

PACKAGE = pathlib.Path(tobari.cli.demo.__path__[0])


def _fields(sentence: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(sentence) if field is not None}


@pytest.mark.parametrize("key", lines.catalogue())
def test_both_languages_take_the_same_facts(key: str) -> None:
    sentence = lines.catalogue()[key]
    assert sentence.keys() == {"en", "ja"}
    assert _fields(sentence["en"]) == _fields(sentence["ja"])


def test_every_sentence_is_used_and_every_used_one_is_there() -> None:
    source = "\n".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    used = set(
        re.findall(
            r'"((?:data|service|evidence|owner|analyst|refused|operator|restart|stranger|end|stay)\.\w+)"', source
        )
    )
    used |= {f"scene.{name}" for name in re.findall(r'report\.scene\("(\w+)"', source)}
    used |= {"operator.disk", "operator.wire", "verdict.true", "verdict.false", "verdict.none", "verdict.nothing"}
    assert used == lines.catalogue().keys()


def test_the_language_is_the_process_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOBARI_LANG", "ja")
    assert lines.verdict(None) == "未検査"
    monkeypatch.setenv("TOBARI_LANG", "en")
    assert [lines.verdict(ok) for ok in (True, False, None)] == ["ok", "FAILED", "not checked"]
