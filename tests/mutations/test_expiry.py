"""A task expires before its retry."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told


def test_a_task_that_is_retried_expires_before_its_retry() -> None:
    app = target(options={"expires": None}, described={"covers": ["mail"]})
    assert told("expiry", app) == [("expires", None, 5)]


def test_one_that_expires_does_so_no_longer() -> None:
    assert told("expiry", target(options={"expires": 60.0})) == [("expires", 60.0, None)]


def test_one_without_retries_cannot_be_kept_waiting() -> None:
    assert mutants("expiry", target(options={"expires": None})) == []
