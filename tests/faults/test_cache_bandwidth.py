"""The way to the cache is narrow."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.cache_bandwidth import CacheBandwidth
from tests.faults.conftest import Shop

LONG = "x" * 3000


def test_a_lock_with_a_long_name_takes_its_time(proxied: Shop) -> None:
    with injected(CacheBandwidth(bytes_per_s=1000.0), proxied.world):
        task_id = proxied.world.send("shop.lock", [LONG], {})
        assert proxied.outcome(task_id).kind == "task-succeeded"
        (entered,) = proxied.events("body-entered", task_id=task_id)
        (left,) = proxied.events("body-left", task_id=task_id)
        assert left.at_s - entered.at_s >= 3.0
    assert proxied.inner.cache.client.delete(f"sale-{LONG}")
    assert proxied.works()
