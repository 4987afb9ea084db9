"""A result is held on its way to the result backend."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.results_command_held import ResultsCommandHeld
from tests.faults.conftest import Shop


def test_the_task_does_not_end_until_its_result_goes_on(proxied: Shop) -> None:
    before = proxied.strikes
    with injected(ResultsCommandHeld(where="SUCCESS"), proxied.world):
        task_id = proxied.send()
        assert proxied.world.advance(lambda: proxied.strikes > before, within_s=60)
        assert not proxied.world.advance(
            lambda: bool(proxied.events("task-succeeded", task_id=task_id)), within_s=5
        )
        assert b'"SUCCESS"' not in proxied.inner.results.client.get(f"celery-task-meta-{task_id}")
    assert proxied.struck("results_command_held", before) == [("EXEC", "held")]
    assert proxied.outcome(task_id).kind == "task-succeeded"
    assert b'"SUCCESS"' in proxied.inner.results.client.get(f"celery-task-meta-{task_id}")
    assert proxied.runs(task_id) == 1
    assert proxied.works()
