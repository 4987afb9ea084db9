"""A task goes to another queue."""

from __future__ import annotations

from dataclasses import replace

from tests.mutations.targets import PAY, mutants, target, told


def test_a_task_goes_where_nobody_is_or_where_others_are() -> None:
    assert told("route", target()) == [("queue", "sales", "nowhere")]
    two = target()
    snapshot = {**two.snapshot, "tasks": {**two.snapshot["tasks"], "shop.tidy": {"queue": "low"}}}
    found = mutants("route", replace(two, snapshot=snapshot))
    assert [(each.task, each.after) for each in found] == [
        (PAY, "low"), (PAY, "nowhere"), ("shop.tidy", "sales"), ("shop.tidy", "nowhere"),
    ]  # fmt: skip
