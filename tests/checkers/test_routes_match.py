"""Routes that name no task are found."""

from __future__ import annotations

from harness.checker import WHOLE_APP
from harness.checkers.routes_match import RoutesMatch
from harness.contract import Contract
from harness.verdict import Outcome
from tests.checkers.histories import run


def judged(settings):
    return RoutesMatch().verdict(Contract(()), WHOLE_APP, run(settings=settings))


def test_kept_where_every_route_has_a_task():
    assert judged({"routes_without_task": []}).outcome is Outcome.KEPT


def test_broken_lists_the_routes_and_where_the_tasks_go_instead():
    verdict = judged({"routes_without_task": ["payrol.tasks.pay", "old.*"], "default_queue": "celery"})
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == (
        "2 routes match no task: payrol.tasks.pay, old.*; the tasks meant go to 'celery'"
    )
    assert verdict.blame == "task_routes: payrol.tasks.pay, old.* (celery/app/routes.py)"


def test_unknown_without_a_snapshot():
    assert judged({}).outcome is Outcome.UNKNOWN
