"""Retries come at another time."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told

BACKOFF = {
    "autoretry_for": ["OSError"], "retry_backoff": 30.0, "retry_jitter": True, "retry_backoff_max": 300,
    "max_retries": 5,
}  # fmt: skip


def test_backoff_jitter_and_cap() -> None:
    found = told("retry_delay", target(options=BACKOFF, described={"covers": ["mail"]}))
    assert found == [
        ("retry_backoff", 30.0, False), ("retry_backoff", 30.0, 300.0), ("retry_jitter", True, False),
        ("retry_backoff_max", 300, 30),
    ]  # fmt: skip


def test_a_cap_that_no_retry_reaches_is_left_alone() -> None:
    app = target(options={**BACKOFF, "max_retries": 1}, described={"covers": ["mail"]})
    assert "retry_backoff_max" not in [name for name, _, _ in told("retry_delay", app)]


def test_the_fixed_delay_counts_where_there_is_no_backoff() -> None:
    app = target(options={"default_retry_delay": 60}, described={"calls_retry": True})
    assert told("retry_delay", app) == [("default_retry_delay", 60, 6), ("default_retry_delay", 60, 600)]


def test_a_retry_of_the_apps_own_decides_itself() -> None:
    described = {"covers": ["mail"], "overrides": {"retry": "Base.retry in shop.py:3"}}
    assert mutants("retry_delay", target(options=BACKOFF, described=described)) == []
