"""Order: what is meant to be first, and what is."""

from __future__ import annotations

from scenarios.rules.proof import Shown, by_task, order, reserved


def test_on_redis_nine_starts_last(bad: Shown, good: Shown) -> None:
    """Of what waited in the broker together: 9 after no priority; turned round, 0 before 9."""
    assert (bad.has("PRI001", "first"), good.has("PRI001", "first")) == (True, False)
    assert order(bad.lives("ranks"))[-3:] == ["bad.first"] * 3
    assert order(good.lives("ranks"))[-3:] == ["good.second"] * 3


def test_a_reserved_task_waits_behind_a_long_one(bad: Shown, good: Shown) -> None:
    """The worker holds four messages while its one child is busy, and one more at most."""
    assert (bad.has("PRI004"), good.has("PRI004")) == (True, False)
    assert reserved(bad.lives("ranks")) == 3
    assert reserved(good.lives("ranks")) <= 1


def test_tiers_on_one_worker_take_turns(bad: Shown, good: Shown) -> None:
    assert (bad.has("PRI003", "tiers"), good.has("PRI003", "tiers")) == (True, False)
    """While the worker is busy with what is not urgent, everything waits; then they alternate."""
    urgent, other = by_task(bad.lives("tiers"), "bad.hurry"), by_task(bad.lives("tiers"), "bad.calm")
    assert min(urgent) > 30 + min(other)
    urgent, other = by_task(good.lives("tiers"), "good.hurry"), by_task(good.lives("tiers"), "good.calm")
    assert max(urgent) < sorted(other)[1]
