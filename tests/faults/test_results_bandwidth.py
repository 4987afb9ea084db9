"""The way to the result backend is narrow."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.results_bandwidth import ResultsBandwidth
from tests.faults.conftest import Shop


def test_a_large_result_takes_its_time(proxied: Shop) -> None:
    with injected(ResultsBandwidth(bytes_per_s=1000.0), proxied.world):
        task_id = proxied.world.send("shop.sell", ["x" * 3000], {})
        ended = proxied.outcome(task_id)
        (left,) = proxied.events("body-left", task_id=task_id)
        assert ended.at_s - left.at_s >= 3.0
    assert proxied.works()
