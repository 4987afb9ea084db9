"""Routes that name no task are found."""

from __future__ import annotations

from typing import Any

from harness.checker import WHOLE_APP
from harness.checkers.routes_match import RoutesMatch
from harness.contract import Contract
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import run


def judged(settings: dict[str, Any]) -> Verdict:
    verdict = RoutesMatch().verdict(Contract(()), WHOLE_APP, run(settings=settings))
    assert verdict is not None
    return verdict


def test_kept_where_every_route_has_a_task() -> None:
    assert judged({"routes_without_task": []}).outcome is Outcome.KEPT


def test_broken_lists_the_routes_and_where_the_tasks_go_instead() -> None:
    verdict = judged({"routes_without_task": ["payrol.tasks.pay", "old.*"], "default_queue": "celery"})
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == (
        "2 routes without a task: payrol.tasks.pay, old.*; the tasks meant go to 'celery'"
    )
    assert verdict.blame == "task_routes: payrol.tasks.pay, old.* (celery/app/routes.py)"


def test_unknown_without_a_snapshot() -> None:
    assert judged({}).outcome is Outcome.UNKNOWN
