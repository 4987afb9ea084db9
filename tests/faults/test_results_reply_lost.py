"""A result is stored, and the worker does not know it."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.results_reply_lost import ResultsReplyLost
from tests.faults.conftest import Shop


def test_the_result_is_there_and_the_task_succeeds(proxied: Shop) -> None:
    before = proxied.strikes
    with injected(ResultsReplyLost(), proxied.world):
        task_id = proxied.send()
        assert proxied.outcome(task_id).kind == "task-succeeded"
    assert proxied.struck("results_reply_lost", before) == [("EXEC", "reply")]
    assert proxied.world.result_exists(f"celery-task-meta-{task_id}")
    assert proxied.works()
