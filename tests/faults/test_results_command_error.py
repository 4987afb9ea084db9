"""The result backend refuses a result."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.results_command_error import ResultsCommandError
from tests.faults.conftest import Shop


def test_a_task_whose_result_is_refused_has_none(proxied: Shop) -> None:
    before = proxied.strikes
    with injected(ResultsCommandError(error="NOPERM no results today", times=100), proxied.world):
        task_id = proxied.send()
        assert proxied.world.advance(lambda: proxied.strikes > before, within_s=60)
        assert not proxied.world.result_exists(f"celery-task-meta-{task_id}")
    assert proxied.struck("results_command_error", before)[0] == ("EXEC", "answered")
    assert proxied.works()
