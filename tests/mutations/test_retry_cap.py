"""A task is retried more or less often."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told


def test_one_less_one_more_and_no_end() -> None:
    app = target(options={"max_retries": 3}, described={"covers": ["mail"]})
    assert told("retry_cap", app) == [("max_retries", 3, 2), ("max_retries", 3, 4), ("max_retries", 3, None)]


def test_what_autoretry_is_told_counts() -> None:
    app = target(
        options={"max_retries": 3, "retry_kwargs": {"max_retries": 1}}, described={"covers": ["mail"]}
    )
    assert told("retry_cap", app)[0] == ("retry_kwargs.max_retries", 1, 0)


def test_a_task_that_nothing_retries_is_left_alone() -> None:
    assert mutants("retry_cap", target(options={"max_retries": 3})) == []
