"""A run may take longer."""

from __future__ import annotations

from tests.mutations.targets import target, told


def test_limits_are_gone_or_twice_as_long() -> None:
    assert told("time_limit", target(options={"time_limit": 600, "soft_time_limit": None})) == [
        ("time_limit", 600, None), ("time_limit", 600, 1200),
    ]  # fmt: skip
