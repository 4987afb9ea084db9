"""What workers agree on, for all orders of events: scripts in `fakeredis`, its clock in `freezegun`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import fakeredis
import pytest
from freezegun import freeze_time

START = "2026-01-05 08:00:00"


@pytest.fixture
def coordination(redis_of_myhours: fakeredis.FakeRedis) -> Any:
    """`core.coordination` on a Redis of its own."""
    return import_module("core.coordination")


def test_a_lock_is_its_owner_s_until_it_expires(coordination: Any) -> None:
    """A second task is turned away, the owner's own retry is not; after its time anybody may have it."""
    with freeze_time(START) as clock:
        assert coordination.take_lock("key", owner="first", life_s=60) == "first"
        clock.tick(59)
        assert coordination.take_lock("key", owner="second", life_s=60) == "first"
        assert coordination.take_lock("key", owner="first", life_s=60) == "first"
        clock.tick(2)
        assert coordination.take_lock("key", owner="second", life_s=60) == "second"


def test_nobody_releases_what_is_not_his(coordination: Any) -> None:
    """A task that outlived its lock must not open the next owner's."""
    with freeze_time(START) as clock:
        coordination.take_lock("key", owner="slow", life_s=10)
        clock.tick(11)
        coordination.take_lock("key", owner="next", life_s=10)
        assert not coordination.release_lock("key", owner="slow")
        assert coordination.take_lock("key", owner="third", life_s=10) == "next"
        assert coordination.release_lock("key", owner="next")


def test_a_lease_is_prolonged_by_its_owner_alone(coordination: Any) -> None:
    """One scheduler at a time; the next one takes over when the first is silent."""
    with freeze_time(START) as clock:
        assert coordination.take_lease("beat", owner="a", life_s=30)
        clock.tick(20)
        assert coordination.take_lease("beat", owner="a", life_s=30)
        clock.tick(20)
        assert not coordination.take_lease("beat", owner="b", life_s=30)
        clock.tick(11)
        assert coordination.take_lease("beat", owner="b", life_s=30)


@pytest.mark.parametrize("per_minute", [20, 30, 100, 120, 200])
def test_a_burst_of_any_tier_starts_one_interval_apart(coordination: Any, per_minute: int) -> None:
    """The n-th start waits for n intervals, whichever worker asks; after a pause nobody waits."""
    with freeze_time(START) as clock:
        waits = [coordination.take_slot("tier", per_minute=per_minute, wait_at_most_s=600) for _ in range(50)]
        assert waits == pytest.approx([place * 60 / per_minute for place in range(50)], abs=0.06)
        clock.tick(600)
        assert coordination.take_slot("tier", per_minute=per_minute, wait_at_most_s=600) == 0


def test_too_long_a_wait_takes_no_slot(coordination: Any) -> None:
    """The answer is how long it would have been, as a negative number; the next one finds the slot free."""
    with freeze_time(START):
        for _ in range(3):
            coordination.take_slot("tier", per_minute=60, wait_at_most_s=10)
        assert coordination.take_slot("tier", per_minute=60, wait_at_most_s=1) == -3
        assert coordination.take_slot("tier", per_minute=60, wait_at_most_s=10) == 3


def test_the_brake_counts_runs_that_never_came_back(coordination: Any) -> None:
    """A run that ends, well or badly, is forgotten; and so is everything after a while."""
    with freeze_time(START) as clock:
        assert [coordination.run_begins("id", remembered_s=100) for _ in range(3)] == [1, 2, 3]
        coordination.run_ended("id")
        assert coordination.run_begins("id", remembered_s=100) == 1
        clock.tick(101)
        assert coordination.run_begins("id", remembered_s=100) == 1
