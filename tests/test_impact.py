"""A change chooses the guarantees that it can touch, in the tiers that it can touch, and says why."""

from __future__ import annotations

from typing import Any

import pytest

from harness import experiments
from harness.checkers.queue_used import QueueUsed
from harness.checkers.rate_limit import RateLimit
from harness.checkers.retry_cap import RetryCap
from harness.contract import Contract, DeadLetter, Limits, Result, Retry, Tier
from harness.impact import Change, Choice, FileChange, changes, choose, literals_changed, promised

TIERS = tuple(
    Tier(
        name,
        (f"{name}.*",),
        queue=name,
        retry=Retry(("mail",), max_retries=3),
        dead_letter=DeadLetter("table:dead"),
        result=Result(expires_s=60),
        limits=Limits(hard_s=60, rate="1/s"),
    )
    for name in ("critical", "low")
)
CONTRACT = Contract(TIERS, path="app/contract.toml", origins={"tiers.low.queue": "contract.toml:9"})
EVERYTHING = {each.name for each in experiments.checkers() if any(each.promise(tier) for tier in TIERS)}


def snapshot(conf: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """What is in force: settings of the app, and options of its one task."""
    task = {name: {"value": value, "origin": "app/settings.py:3"} for name, value in options.items()}
    settings = {name: {"value": value, "origin": "app/settings.py:1"} for name, value in (conf or {}).items()}
    return {"conf": settings, "tasks": {"critical.pay": {"file": "critical.py", "line": 4, **task}}}


def chosen(*found: Change, files: tuple[FileChange, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Guarantees and their tiers."""
    return {each.guarantee: each.tiers for each in choose(CONTRACT, experiments.checkers(), found, files)}


def test_what_is_in_force_is_compared_and_where_it_stands_is_not() -> None:
    before = snapshot({"result_expires": 60}, max_retries=3)
    moved = snapshot({"result_expires": 60}, max_retries=3)
    moved["tasks"]["critical.pay"]["line"] = 99
    moved["conf"]["result_expires"]["origin"] = "app/settings.py:77"
    assert changes(before, moved) == []
    assert changes(before, snapshot({"result_expires": 90}, max_retries=5)) == [
        Change("result_expires", "", 60, 90, "app/settings.py:1"),
        Change("max_retries", "critical.pay", 3, 5, "app/settings.py:3"),
    ]


def test_folders_and_ports_are_no_change() -> None:
    before = snapshot({"broker_url": "redis://127.0.0.1:4711/0", "beat_schedule_filename": "/tmp/base/beat"})
    after = snapshot({"broker_url": "redis://127.0.0.1:4712/0", "beat_schedule_filename": "/home/me/beat"})
    assert changes(before, after, ("/tmp/base", "/home/me")) == []


def test_a_setting_that_came_or_went_is_a_change() -> None:
    assert changes(snapshot(), snapshot(expires=60)) == [
        Change("expires", "critical.pay", None, 60, "app/settings.py:3")
    ]
    assert changes(snapshot(expires=60), snapshot()) == [
        Change("expires", "critical.pay", 60, None, "app/settings.py:3")
    ]


def test_a_task_s_option_touches_what_depends_on_it_in_its_own_tier() -> None:
    found = chosen(Change("max_retries", "critical.pay", 3, 5))
    assert {"retry_cap", "retried_failures", "dead_letter"} <= set(found)
    assert not {"rate_limit", "time_limits", "result_expiry"} & set(found)
    assert set(found.values()) == {("critical",)}


def test_a_setting_of_the_app_touches_every_tier() -> None:
    assert chosen(Change("result_expires", "", 60, 90)) == {"result_expiry": ()}


def test_a_setting_that_no_checker_knows_touches_everything() -> None:
    assert set(chosen(Change("worker_pool_putlocks", "", True, False))) == EVERYTHING


def test_a_promise_touches_its_tier() -> None:
    before = Contract(TIERS)
    low = Tier("low", ("low.*",), queue="other", limits=Limits(rate="2/s"))
    found = promised(before, Contract((TIERS[0], low), origins=CONTRACT.origins))
    assert Change("contract: tiers.low.queue", "", "low", "other", "contract.toml:9") in found
    assert chosen(Change("contract: tiers.low.limits.rate", "", "1/s", "2/s")) == {"rate_limit": ("low",)}


def test_two_changes_touch_the_tiers_of_both_and_all_where_one_does() -> None:
    both = chosen(Change("rate_limit", "critical.pay", 1, 2), Change("rate_limit", "low.clean", 1, 2))
    assert both == {"rate_limit": ("critical", "low")}
    assert chosen(
        Change("rate_limit", "critical.pay", 1, 2), Change("task_default_rate_limit", "", 1, 2)
    ) == {"rate_limit": ()}


def test_a_choice_says_why() -> None:
    (choice,) = choose(CONTRACT, experiments.checkers(), [Change("rate_limit", "critical.pay", 1, 2)], ())
    assert choice == Choice("rate_limit", ("critical",), ("rate_limit of critical.pay",))


def test_code_touches_everything() -> None:
    code = FileChange("app/tasks.py", "def pay():\n    return 1\n", "def pay():\n    raise OSError\n")
    assert set(chosen(files=(code,))) == EVERYTHING
    assert set(chosen(files=(FileChange("app/new.py", None, "x = 1"),))) == EVERYTHING


@pytest.mark.parametrize("path", ["README.md", "app/static/logo.svg", "app/contract.toml"])
def test_documents_touch_nothing_and_the_contract_is_compared_by_its_promises(path: str) -> None:
    assert chosen(files=(FileChange(path, "a", "b"),)) == {}


def test_a_value_that_shows_in_a_setting_is_explained_by_it() -> None:
    policy = FileChange("app/policy.py", "RETRIES = 3  # why\nSPREAD = 0.5\n", "RETRIES = 5\nSPREAD = 0.5\n")
    assert "rate_limit" not in chosen(Change("max_retries", "critical.pay", 3, 5), files=(policy,))


def test_a_value_that_shows_nowhere_touches_everything() -> None:
    policy = FileChange("app/policy.py", "RETRIES = 3\nSPREAD = 0.5\n", "RETRIES = 5\nSPREAD = 0.7\n")
    assert set(chosen(Change("max_retries", "critical.pay", 3, 5), files=(policy,))) == EVERYTHING


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        ("x = 1", "x = 2", [("1", "2")]),
        ("x = 1  # a", "x = 1", []),
        ("x = 1", "y = 1", None),
        ("x = 1", "x = 1; y = 2", None),
        ("x = (", "x = 1", None),
        ("x = True", "x = 1", [("True", "1")]),
        (None, "x = 1", None),
    ],
)
def test_values_are_told_from_code(
    before: str | None, after: str | None, pairs: list[tuple[str, str]] | None
) -> None:
    assert literals_changed(before, after) == pairs


def test_a_checker_that_says_nothing_is_chosen_at_every_change() -> None:
    checkers = [RetryCap(), Silent(), RateLimit()]
    found = choose(CONTRACT, checkers, [Change("max_retries", "critical.pay", 3, 5)], ())
    assert [each.guarantee for each in found] == ["retry_cap", Silent().name]


class Silent(QueueUsed):
    """A checker that does not say what it depends on."""

    depends = ()  # type: ignore[assignment]


def test_everything_that_checkers_depend_on_is_named_as_changes_are() -> None:
    """No blanks, no settings in capitals: a name that can match nothing would choose nothing."""
    for checker in experiments.checkers():
        assert all(name.removeprefix("contract: ").replace("*", "").islower() for name in checker.depends)
        assert not any(" " in name.removeprefix("contract: ") for name in checker.depends)
