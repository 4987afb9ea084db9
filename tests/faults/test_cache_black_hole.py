"""Nothing passes between app and cache."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.cache_black_hole import CacheBlackHole
from tests.faults.conftest import Shop


def test_a_task_that_locks_hangs_until_it_is_healed(proxied: Shop) -> None:
    with injected(CacheBlackHole(), proxied.world):
        task_id = proxied.send("shop.lock")
        assert not proxied.world.advance(lambda: False, within_s=4)
        assert proxied.events("body-entered", task_id=task_id)
        assert not proxied.events("body-left", task_id=task_id)
    assert proxied.outcome(task_id).kind == "task-succeeded"
    proxied.inner.cache.client.delete("sale-1")
