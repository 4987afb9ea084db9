"""Annotations that match nothing, or set what Celery does not read, are found."""

from __future__ import annotations

from typing import Any

from harness.checker import WHOLE_APP
from harness.checkers.annotations_match import AnnotationsMatch
from harness.contract import Contract
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import run


def judged(settings: dict[str, Any]) -> Verdict:
    verdict = AnnotationsMatch().verdict(Contract(()), WHOLE_APP, run(settings=settings))
    assert verdict is not None
    return verdict


def test_kept_where_every_annotation_has_an_effect() -> None:
    assert judged({"annotations_without_effect": []}).outcome is Outcome.KEPT


def test_broken_lists_each_key_with_the_reason() -> None:
    verdict = judged(
        {
            "annotations_without_effect": [
                {"key": "payroll.tasks.*", "why": "a glob matches nothing", "attribute": None},
                {"key": "payroll.tasks.pay", "why": "not an attribute of Task", "attribute": "retry_policy"},
                {"key": "payroll.tasks.pay", "why": "", "attribute": "x"},
            ]
        }
    )
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == (
        "3 annotations without effect: 'payroll.tasks.*': a glob matches nothing; "
        "'payroll.tasks.pay', attribute 'retry_policy': not an attribute of Task; "
        "'payroll.tasks.pay', attribute 'x': no effect"
    )
    assert verdict.blame == (
        "task_annotations 'payroll.tasks.*', 'payroll.tasks.pay' (celery/app/annotations.py)"
    )


def test_unknown_without_a_snapshot() -> None:
    assert judged({}).outcome is Outcome.UNKNOWN
