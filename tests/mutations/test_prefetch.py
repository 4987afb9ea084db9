"""A worker takes more messages than it needs."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told


def test_a_worker_takes_everything_or_many() -> None:
    found = told("prefetch", target({"worker_prefetch_multiplier": 1}))
    assert [(before, after) for _, before, after in found] == [(1, 0), (1, 16)]


def test_one_that_takes_everything_already_is_left_alone() -> None:
    assert mutants("prefetch", target({"worker_prefetch_multiplier": 0})) == []
