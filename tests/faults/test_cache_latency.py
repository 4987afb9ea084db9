"""The way to the cache takes seconds, of the stage's clock."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.cache_latency import CacheLatency
from tests.faults.conftest import Shop


def test_a_task_that_locks_takes_so_much_longer(proxied: Shop) -> None:
    with injected(CacheLatency(latency_s=2.0), proxied.world):
        task_id = proxied.send("shop.lock")
        proxied.outcome(task_id)
        (entered,) = proxied.events("body-entered", task_id=task_id)
        (left,) = proxied.events("body-left", task_id=task_id)
        assert left.at_s - entered.at_s >= 4.0
    proxied.inner.cache.client.delete("sale-1")
    assert proxied.outcome(proxied.send("shop.lock")).kind == "task-succeeded"
    proxied.inner.cache.client.delete("sale-1")
