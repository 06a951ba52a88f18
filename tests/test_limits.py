"""docs/reference/limits.md is what the code does, and no limit is missing in it."""

from __future__ import annotations

from tests.tools import errors, limits


def test_the_page_has_the_values_of_the_code() -> None:
    assert limits.PAGE.read_text("utf-8") == limits.page(), "python -m tests.tools.limits"


def test_every_maximum_is_on_the_page_or_is_our_own() -> None:
    listed = [limit.constant for part in limits.PARTS.values() for limit in part]
    assert sorted({*listed, *limits.OURS}) == sorted(limits.maxima())
    assert len(listed) == len(set(listed))
    assert not set(listed) & set(limits.OURS)


def test_every_code_on_the_page_is_one() -> None:
    known = {error.code for error in errors.collect()}
    named = [limit.code for part in limits.PARTS.values() for limit in part]
    named += [
        code
        for codes in (limits.HOST_CODES, limits.WORKER_CODES)
        for text in codes.values()
        for code in text.split(", ")
    ]
    assert set(named) - {limits.CUT, ""} <= known
