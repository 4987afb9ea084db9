"""What a change means: for every promise, outcome and fact, in both directions."""

from __future__ import annotations

from typing import Any

import pytest

from harness.differences import Difference, Kind, compare, fact_kind, promise_kind, shown
from harness.guarantees import Guarantees

WEAKER, STRONGER, NEUTRAL, UNKNOWN = Kind.WEAKENED, Kind.STRENGTHENED, Kind.NEUTRAL, Kind.UNKNOWN


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        ("retry.max_retries", 5, 3),
        ("retry.on", ["mail", "database"], ["mail"]),
        ("retry.not_on", ["programming"], []),
        ("dead_letter.to", "table:dead", None),
        ("dead_letter.carries", ["name", "args"], ["name"]),
        ("dead_letter.within_s", 60, 600),
        ("alert.to", ["a@x", "b@x"], ["a@x"]),
        ("alert.within_s", 60, 61),
        ("effect.at_most", 1, 2),
        ("result.expires_s", 3600, 60),
        ("limits.hard_s", 600, 900),
        ("limits.rate", "1/s", "120/m"),
        ("loss.redelivered_at_most", 3, 9),
        ("loss.within_s", 100, 4000),
        ("events", True, None),
    ],
)
def test_a_promise_is_weaker_one_way_and_stronger_the_other(name: str, was: Any, now: Any) -> None:
    assert promise_kind(name, was, now) is WEAKER
    assert promise_kind(name, now, was) is STRONGER


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        ("queue", "a", "b"),
        ("urgency", 9, 1),
        ("retry.delay.base_s", 30, 60),
        ("tasks", ["a.*"], ["b.*"]),
        ("dead_letter.to", "table:a", "table:b"),
    ],
)
def test_what_is_only_different_is_neutral(name: str, was: Any, now: Any) -> None:
    assert promise_kind(name, was, now) is promise_kind(name, now, was) is NEUTRAL


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        ("attempts.mail", 6, 1),
        ("retried.mail", "tried again", "not tried again"),
        ("loss", "runs again", "lost"),
        ("poison", "failed after 3 runs", "not braked"),
        ("dead_letter", "table:dead", "none"),
        ("exhausted", "table:dead", "none"),
        ("result.success", 3600, 60),
        ("limits.hard_s", 600, "none"),
        ("delays", ["15 to 30 s"], ["over 30 s"]),
    ],
)
def test_a_fact_is_weaker_one_way_and_stronger_the_other(name: str, was: Any, now: Any) -> None:
    assert fact_kind(name, was, now) is WEAKER
    assert fact_kind(name, now, was) is STRONGER


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        ("queue", "a", "b"),
        ("priority", 9, 0),
        ("delays", ["15 to 30 s"], ["30 to 60 s"]),
        ("dead_letter", "table:a", "table:b"),
        ("poison", "failed after 3 runs", "failed after 2 runs"),
    ],
)
def test_a_fact_that_is_only_different_is_neutral(name: str, was: Any, now: Any) -> None:
    assert fact_kind(name, was, now) is fact_kind(name, now, was) is NEUTRAL


def test_a_failure_that_must_not_be_retried_is_weaker_where_it_is() -> None:
    assert fact_kind("retried.programming", "not tried again", "tried again", ["programming"]) is WEAKER
    assert fact_kind("retried.programming", "tried again", "not tried again", ["programming"]) is STRONGER


def outcomes(was: str | None, now: str) -> list[Kind]:
    before = Guarantees("a", outcomes={"t": {"retry_cap": was}} if was else {})
    return [each.kind for each in compare(before, Guarantees("a", outcomes={"t": {"retry_cap": now}}))]


@pytest.mark.parametrize(
    ("was", "now", "kinds"),
    [
        ("kept", "kept", []),
        ("kept", "broken", [WEAKER]),
        ("broken", "kept", [STRONGER]),
        ("unknown", "kept", [STRONGER]),
        ("unknown", "broken", [WEAKER]),
        (None, "broken", [WEAKER]),
        (None, "kept", [STRONGER]),
        ("kept", "unknown", [UNKNOWN]),
        (None, "unknown", [UNKNOWN]),
        ("broken", "unknown", [NEUTRAL]),
    ],
)
def test_outcomes(was: str | None, now: str, kinds: list[Kind]) -> None:
    assert outcomes(was, now) == kinds


def test_of_what_did_not_run_nothing_is_said() -> None:
    before = Guarantees(
        "a",
        facts={"x": {"loss": "runs again", "queue": "q"}},
        tiers={"x": "t"},
        outcomes={"t": {"g": "kept"}},
    )
    after = Guarantees(
        "a",
        facts={"x": {"queue": "q"}},
        tiers={"x": "t"},
        families=frozenset({"steady/t", "loss_recovered/other"}),
    )
    assert compare(before, after) == []


def test_what_ran_and_shows_nothing_any_more_is_weaker() -> None:
    before = Guarantees("a", facts={"x": {"loss": "runs again"}}, tiers={"x": "t"})
    after = Guarantees("a", facts={"x": {}}, tiers={"x": "t"}, families=frozenset({"loss_recovered/t"}))
    assert compare(before, after) == [Difference(WEAKER, "facts", "x", "loss", "runs again", None)]


def test_a_task_that_came_or_went_is_no_weaker_guarantee() -> None:
    before = Guarantees("a", facts={"old": {"queue": "q"}}, tiers={"old": "t"})
    after = Guarantees("a", facts={"new": {"queue": "q"}}, tiers={"new": "t"})
    assert [(each.kind, each.of) for each in compare(before, after)] == [(NEUTRAL, "old")]


def test_the_worst_comes_first_and_is_told_in_one_line() -> None:
    before = Guarantees("a", {"t": {"queue": "a", "retry.max_retries": 5}}, {"t": {"retry_cap": "kept"}})
    after = Guarantees("a", {"t": {"queue": "b", "retry.max_retries": 7}}, {"t": {"retry_cap": "broken"}})
    assert [each.text for each in compare(before, after)] == [
        "retry_cap of t: kept, now broken", "retry.max_retries of t: 5, now 7", "queue of t: a, now b",
    ]  # fmt: skip


def test_values_are_shown_for_people() -> None:
    assert [shown(each) for each in (None, ["a", "b"], 3, 30.0, 0.5)] == ["nothing", "a, b", "3", "30", "0.5"]
