"""A lock is taken, and who has taken it does not know it."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.cache_reply_lost import CacheReplyLost
from tests.faults.conftest import Shop


def test_the_lock_is_there_and_its_owner_is_told_that_somebody_else_has_it(proxied: Shop) -> None:
    """redis-py repeats the command on a new connection (`redis.retry`), and then somebody has the key."""
    before = proxied.strikes
    with injected(CacheReplyLost(where="sale-1"), proxied.world):
        task_id = proxied.send("shop.lock")
        proxied.outcome(task_id)
    assert proxied.struck("cache_reply_lost", before) == [("SET", "reply")]
    assert proxied.inner.cache.client.delete("sale-1") == 1
    assert not proxied.events("lock-acquired", task_id=task_id)
    again = proxied.send("shop.lock")
    proxied.outcome(again)
    assert proxied.events("lock-acquired", task_id=again)
    proxied.inner.cache.client.delete("sale-1")
