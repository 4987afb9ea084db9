"""A rate limit is gone."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told


def test_a_limit_is_gone_tenfold_or_disabled() -> None:
    assert told("rate_limit", target({"worker_disable_rate_limits": False}, {"rate_limit": "20/m"})) == [
        ("worker_disable_rate_limits", False, True), ("rate_limit", "20/m", None),
        ("rate_limit", "20/m", "200/m"),
    ]  # fmt: skip


def test_a_task_without_a_limit_is_left_alone() -> None:
    assert mutants("rate_limit", target(options={"rate_limit": None})) == []
