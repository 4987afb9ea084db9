"""The delays of myhours, for all numbers and not just for those that a run happens to draw (Hypothesis)."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.plugin import Target

pytestmark = pytest.mark.usefixtures("myhours_code")

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""What is computed is judged, not how fast: on a busy machine an example may take its time."""
TIERS = ("critical", "high", "background", "low", "normal")
seconds = st.integers(min_value=1, max_value=24 * 3600)
retries = st.integers(min_value=0, max_value=100)


def tier_of(name: str, **numbers: int) -> Any:
    """A tier of the policy, with other numbers where they are given."""
    policy = import_module("myhours.policy")
    return replace(next(tier for tier in policy.TIERS if tier.name == name), **numbers)


@patient
@given(name=st.sampled_from(TIERS), base_s=seconds, cap_s=seconds, number=retries)
def test_a_delay_is_between_half_its_nominal_and_all_of_it(
    name: str, base_s: int, cap_s: int, number: int
) -> None:
    """Whatever the numbers of the tier: never zero, never longer than the cap."""
    tier = tier_of(name, retry_delay_s=base_s, retry_delay_max_s=cap_s)
    nominal = tier.nominal_delay_s(number)
    assert 0 < nominal / 2 <= tier.delay_s(number) <= nominal <= cap_s


@patient
@given(base_s=seconds, cap_s=seconds, number=retries)
def test_nominal_delays_never_shrink(base_s: int, cap_s: int, number: int) -> None:
    """Doubled, until the cap holds for good."""
    tier = tier_of("critical", retry_delay_s=base_s, retry_delay_max_s=cap_s)
    here, after = tier.nominal_delay_s(number), tier.nominal_delay_s(number + 1)
    assert after == min(cap_s, 2 * here)


@patient
@given(name=st.sampled_from(TIERS), number=st.integers(min_value=1, max_value=5))
def test_policy_and_contract_give_the_same_envelope(myhours_target: Target, name: str, number: int) -> None:
    """`contract.toml` counts retries from 1, the policy from 0; the seconds are the same."""
    promised = myhours_target.contract.tier(name).retry
    assert promised is not None
    assert promised.delay is not None
    low_s, high_s = promised.delay.envelope_s(number)
    assert tier_of(name).nominal_delay_s(number - 1) == high_s
    assert low_s <= tier_of(name).delay_s(number - 1) <= high_s


@patient
@given(hard_s=seconds, base_s=seconds, cap_s=seconds, count=st.integers(min_value=0, max_value=20))
def test_a_lock_outlives_every_attempt(hard_s: int, base_s: int, cap_s: int, count: int) -> None:
    """All runs to their hard limit, all delays, and the time after which a lost worker's task comes again."""
    tier = tier_of(
        "critical", hard_s=hard_s, retry_delay_s=base_s, retry_delay_max_s=cap_s, max_retries=count
    )
    visibility_s = import_module("myhours.policy").visibility_timeout_s()
    assert tier.lock_s >= sum(tier.delays_s) + (count + 1) * hard_s + visibility_s
    assert tier.held_s >= max(tier.delays_s, default=0) + hard_s
