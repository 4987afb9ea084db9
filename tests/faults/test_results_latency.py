"""The way to the result backend takes seconds, of the stage's clock."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.results_latency import ResultsLatency
from tests.faults.conftest import Shop


def test_a_task_ends_so_much_later(proxied: Shop) -> None:
    with injected(ResultsLatency(latency_s=2.0), proxied.world):
        task_id = proxied.send()
        ended = proxied.outcome(task_id)
        (left,) = proxied.events("body-left", task_id=task_id)
        assert ended.at_s - left.at_s >= 4.0
    assert proxied.works()
