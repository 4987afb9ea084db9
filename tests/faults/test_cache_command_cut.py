"""The connection to the cache is reset while a lock is taken."""

from __future__ import annotations

import pytest

from harness.fault import injected
from harness.faults.cache_command_cut import CacheCommandCut
from tests.faults.conftest import Shop


@pytest.mark.parametrize(("after", "step"), [(False, "before"), (True, "after")])
def test_whoever_takes_the_lock_fails_and_the_lock_is_there_only_if_the_command_was(
    proxied: Shop, after: bool, step: str
) -> None:
    cache, before = proxied.inner.cache.client, proxied.strikes
    with injected(CacheCommandCut(where="sale-1", after=after), proxied.world):
        failed = proxied.outcome(proxied.send("shop.claim"))
    assert (failed.kind, failed.get("error_type")) == ("task-failed", "ConnectionError")
    assert proxied.struck("cache_command_cut", before) == [("SET", step)]
    assert cache.delete("sale-1") == int(after)
    assert proxied.outcome(proxied.send("shop.claim")).kind == "task-succeeded"
    assert cache.delete("sale-1") == 1


def test_a_client_that_repeats_the_command_has_its_lock(proxied: Shop) -> None:
    """redis-py does, on a new connection (`redis.retry`)."""
    with injected(CacheCommandCut(where="sale-1"), proxied.world):
        task_id = proxied.send("shop.lock")
        assert proxied.outcome(task_id).kind == "task-succeeded"
    assert proxied.events("lock-acquired", task_id=task_id)
    assert proxied.inner.cache.client.delete("sale-1") == 1
