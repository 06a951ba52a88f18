"""What differs between two policies is named, key by key: nothing that differs is left out."""

from __future__ import annotations

import msgspec
import pytest

from tests.tools.machines import POLICY
from tobari.client.difference import Difference, differences
from tobari.evidence.policy import AppraisalPolicy, Platforms, ReferenceValues, VirtualPolicy

changed = msgspec.structs.replace
TABLE = POLICY.platform.virtual or pytest.fail("the policy has a table")


def table(**changes: object) -> AppraisalPolicy:
    return changed(POLICY, platform=Platforms(virtual=changed(TABLE, **changes)))


OTHERS = {
    "configuration": changed(POLICY, configuration="00" * 32),
    "epochs": changed(POLICY, epochs=[1, 2]),
    "max_age_seconds": changed(POLICY, max_age_seconds=601),
    "service": changed(POLICY, service=None),
    "programs.room": changed(POLICY, programs={**(POLICY.programs or {}), "room": "00" * 32}),
    "platform.virtual.guards": table(guards=[]),
    "platform.virtual.roots": table(roots=["00" * 32]),
    "platform.virtual.unsafe_allow_debug": table(unsafe_allow_debug=True),
    "platform.virtual.reference_values.1.measurements.code": table(
        reference_values=[ReferenceValues(measurements={"code": "00" * 32})]
    ),
    "platform.virtual.reference_values.2.measurements.code": table(
        reference_values=[*TABLE.reference_values, ReferenceValues(measurements={"code": "00" * 32})]
    ),
}


def test_equal_policies_do_not_differ() -> None:
    assert differences(POLICY, changed(POLICY)) == []


@pytest.mark.parametrize("key", OTHERS)
def test_each_key_that_differs_is_named(key: str) -> None:
    assert [difference.what for difference in differences(POLICY, OTHERS[key])] == [key]


def test_both_values_are_shown() -> None:
    assert differences(POLICY, OTHERS["epochs"]) == [Difference(what="epochs", held="1", offered="1, 2")]
    (pin,) = differences(POLICY, OTHERS["service"])
    assert (pin.held, pin.offered) == (POLICY.service, None)


def test_every_pin_that_is_dropped_is_named() -> None:
    bare = AppraisalPolicy(platform=Platforms(virtual=VirtualPolicy(roots=[], reference_values=[])))
    found = {difference.what for difference in differences(POLICY, bare)}
    assert {"service", "epochs", "configuration", "programs.room", "programs.currency"} <= found
