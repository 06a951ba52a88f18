"""Policies as text: exact inverses, one text for equal policies, and errors that name the key."""

from __future__ import annotations

import pathlib
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.machines import NOW, POLICY
from tobari.base.errors import Malformed
from tobari.evidence.policy import (
    MAX_POLICY,
    AppraisalPolicy,
    Platforms,
    ReferenceValues,
    VirtualPolicy,
    from_toml,
)

PAGE = pathlib.Path(__file__).resolve().parents[2] / "spec" / "appraisal-policy.md"

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
names = st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z")
times = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]),
)
references = st.builds(
    ReferenceValues,
    measurements=st.dictionaries(names, st.binary(min_size=16, max_size=64).map(bytes.hex), min_size=1, max_size=3),
    not_after=st.none() | times,
)
tables = st.builds(
    VirtualPolicy,
    roots=st.lists(digests, min_size=1, max_size=3),
    reference_values=st.lists(references, min_size=1, max_size=3),
    guards=st.lists(st.from_regex(r"\A[a-z][a-z0-9-]{0,8}\Z"), max_size=3),
    unsafe_allow_debug=st.booleans(),
    unsafe_allow_virtual=st.booleans(),
)
policies = st.builds(
    AppraisalPolicy,
    service=st.none() | digests,
    epochs=st.none() | st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3),
    max_age_seconds=st.integers(1, 86_400),
    configuration=st.none() | digests,
    programs=st.none() | st.dictionaries(names, digests, max_size=3),
    platform=st.builds(Platforms, virtual=st.none() | tables),
)


@settings(max_examples=100, deadline=None)
@given(policy=policies)
def test_reading_is_the_inverse_of_writing(policy: AppraisalPolicy) -> None:
    text = policy.to_toml()
    assert from_toml(text) == policy
    assert from_toml(text).to_toml() == text


def test_the_order_of_names_does_not_change_the_text() -> None:
    programs = {"b": "01" * 32, "a": "02" * 32}
    one = AppraisalPolicy(programs=programs, platform=Platforms())
    other = AppraisalPolicy(programs=dict(reversed(programs.items())), platform=Platforms())
    assert one.to_toml() == other.to_toml()


def test_the_example_of_the_specification_is_a_policy() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    policy = from_toml(example)
    assert policy.to_toml() == example
    assert policy.platform.virtual is not None
    assert policy.platform.virtual.unsafe_allow_virtual


def test_defaults_are_the_safe_ones() -> None:
    text = POLICY.to_toml().replace("unsafe_allow_debug = false\nunsafe_allow_virtual = true\n", "")
    table = from_toml(text).platform.virtual
    assert table is not None
    assert (table.unsafe_allow_debug, table.unsafe_allow_virtual) == (False, False)


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(Malformed, match="unsafe_allow_everything"):
        from_toml("unsafe_allow_everything = true\n" + POLICY.to_toml())


@pytest.mark.parametrize("text", ["[" * 5000, "a = " + "[" * 5000, "#" * (MAX_POLICY + 1), "a.b = 1\na = 1"])
def test_hostile_text_is_malformed(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        from_toml(text)
    assert caught.value.code == "policy.malformed"


def test_a_reference_value_lives_through_its_last_millisecond() -> None:
    end = datetime.fromtimestamp(NOW / 1000, UTC)
    values = ReferenceValues(measurements={"code": "00" * 32}, not_after=end)
    assert [values.expired(at) for at in (NOW - 1, NOW, NOW + 1)] == [False, False, True]
