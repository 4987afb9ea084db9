"""Nothing passes between app and result backend."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.results_black_hole import ResultsBlackHole
from tests.faults.conftest import Shop


def test_a_task_does_not_end_until_it_is_healed(proxied: Shop) -> None:
    with injected(ResultsBlackHole(), proxied.world):
        task_id = proxied.send()
        assert not proxied.world.advance(lambda: False, within_s=20)
        assert not proxied.events("task-succeeded", task_id=task_id)
    assert proxied.outcome(task_id).kind == "task-succeeded"
    assert proxied.works()
