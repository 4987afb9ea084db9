"""A lock is held on its way to the cache."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.cache_command_held import CacheCommandHeld
from tests.faults.conftest import Shop


def test_another_takes_the_lock_meanwhile_and_the_first_is_told_so(proxied: Shop) -> None:
    before = proxied.strikes
    with injected(CacheCommandHeld(where="sale-1"), proxied.world):
        late = proxied.send("shop.lock")
        assert proxied.world.advance(lambda: proxied.strikes > before, within_s=60)
        assert not proxied.inner.cache.client.exists("sale-1")
        other = proxied.send("shop.lock")
        proxied.outcome(other)
        assert proxied.events("lock-acquired", task_id=other)
        assert not proxied.events("task-succeeded", "task-failed", task_id=late)
    proxied.outcome(late)
    assert not proxied.events("lock-acquired", task_id=late)
    assert proxied.struck("cache_command_held", before) == [("SET", "held")]
    assert proxied.inner.cache.client.delete("sale-1") == 1
    proxied.outcome(again := proxied.send("shop.lock"))
    assert proxied.events("lock-acquired", task_id=again)
    assert proxied.inner.cache.client.delete("sale-1") == 1
