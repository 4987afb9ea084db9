"""The connection to the result backend is reset while a result is stored."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.results_command_cut import ResultsCommandCut
from tests.faults.conftest import Shop


def test_the_worker_stores_it_again(proxied: Shop) -> None:
    before = proxied.strikes
    with injected(ResultsCommandCut(), proxied.world):
        task_id = proxied.send()
        assert proxied.outcome(task_id).kind == "task-succeeded"
    assert proxied.struck("results_command_cut", before) == [("EXEC", "before")]
    assert proxied.world.result_exists(f"celery-task-meta-{task_id}")
    assert proxied.works()
