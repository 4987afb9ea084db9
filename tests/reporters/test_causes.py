"""A few causes stand behind many broken promises, and every report that people read names them first."""

from __future__ import annotations

from dataclasses import replace

from harness.reporters._causes import Cause, causes
from harness.reporters.html import HtmlReport
from harness.reporters.markdown import MarkdownReport
from harness.reporters.text import TextReport
from harness.verdict import Outcome, Verdict
from tests.reporters.judged import BROKEN, CONTRACT, HISTORY, HOSTILE_VERDICT, KEPT, UNKNOWN

CAP = replace(BROKEN, blame="no autoretry_for in pay.run: never retried; the annotation has no effect")
DELAYS = replace(CAP, guarantee="retry_delays", tier="low", blame="no autoretry_for in pay.run (celery.py:3)")
ALERT = replace(BROKEN, guarantee="alert_sent", blame="priority = 7 on Redis")


def test_verdicts_that_blame_the_same_are_counted_together() -> None:
    """Task, place and further clauses may differ, and so may numbers."""
    assert causes(HISTORY, [ALERT, CAP, KEPT, DELAYS, UNKNOWN]) == [
        Cause("no autoretry_for in …", 2, ("retry_cap", "retry_delays"), ("critical", "low")),
        Cause("priority = … on Redis", 1, ("alert_sent",), ("critical",)),
    ]
    found = causes(HISTORY, [ALERT, replace(ALERT, tier="low", blame="priority = 9 on Redis")])
    assert [(cause.text, cause.broken) for cause in found] == [("priority = … on Redis", 2)]


def test_where_each_cause_broke_one_promise_there_is_nothing_to_count() -> None:
    assert not causes(HISTORY, [ALERT, CAP, KEPT])
    assert not causes(HISTORY, [replace(CAP, outcome=Outcome.UNKNOWN), replace(CAP, tier="low")])
    assert not causes(HISTORY, [replace(CAP, blame=""), replace(DELAYS, blame="")])


def test_the_reports_name_them_before_the_grid() -> None:
    for report, heading, after in (
        (TextReport(), "2 causes of 3 broken promises", "guarantee "),
        (MarkdownReport(), "| broken | cause | guarantees |", "every guarantee"),
        (HtmlReport(), "2 causes of 3 broken promises", 'id="grid-title"'),
    ):
        text = report.render(CONTRACT, HISTORY, [CAP, DELAYS, ALERT], color=False)
        assert text.index(heading) < text.index(" in …") < text.index(after)
        assert heading not in report.render(CONTRACT, HISTORY, [ALERT, KEPT], color=False)


def test_hostile_text_is_shown_and_not_interpreted() -> None:
    twice: list[Verdict] = [HOSTILE_VERDICT, replace(HOSTILE_VERDICT, tier="critical")]
    (cause,) = causes(HISTORY, twice)
    assert "\x1b" not in cause.text
    assert "hunter2" not in cause.text
    assert "<script>alert" not in HtmlReport().render(CONTRACT, HISTORY, twice, color=False)
