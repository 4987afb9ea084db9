"""`structured_logs`: each task leaves structured lines that carry its id."""

from __future__ import annotations

import json

from harness.checkers.structured_logs import StructuredLogs
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import PAY, event, run, sent, succeeded

TIER = Tier("critical", ("payroll.*",), structured_logs=True, members=(PAY,))
ENDED = [sent("id-1", PAY, 0.0, "steady/critical"), succeeded("id-1", PAY, 0.3)]


def judged(*events: Event) -> Verdict:
    history: History = run(list(ENDED), list(events))
    verdict = StructuredLogs().verdict(Contract((TIER,)), TIER, history)
    assert verdict is not None
    return verdict


def line(
    text: str, *, structured: bool = True, fields: tuple[str, ...] = (), task_id: str | None = None
) -> Event:
    return event(
        "log-record", 1.0, task_id, worker="w1", structured=structured, fields=list(fields), text=text
    )


def test_kept_where_a_field_holds_the_id() -> None:
    verdict = judged(line(json.dumps({"event": "done", "task_id": "id-1"})))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (2,))
    assert verdict.observed == "1 task, 1 structured line with the task id"


def test_kept_where_the_id_is_in_a_nested_field_or_the_line_was_cut() -> None:
    assert judged(line(json.dumps({"task": {"id": "id-1"}}))).outcome is Outcome.KEPT
    assert judged(line('{"task_id": "id-1", "te', fields=("task_id", "te"))).outcome is Outcome.KEPT


def test_broken_where_plain_text_mentions_the_task() -> None:
    good = line(json.dumps({"task_id": "id-1"}))
    verdict = judged(good, line("Task payroll.tasks.pay[id-1] succeeded", structured=False))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (3,))
    assert verdict.blame.startswith("worker_hijack_root_logger")


def test_broken_where_the_id_is_only_inside_a_message() -> None:
    verdict = judged(line(json.dumps({"message": "Task pay[id-1] succeeded"}), fields=("message",)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1,))
    assert verdict.observed == "1 task of 1 left no log line with the task id"


def test_unknown_where_nothing_ended_or_nothing_was_logged() -> None:
    assert judged().outcome is Outcome.UNKNOWN
    history = run(line("{}"))
    verdict = StructuredLogs().verdict(Contract((TIER,)), TIER, history)
    assert verdict is not None
    assert verdict.outcome is Outcome.UNKNOWN
