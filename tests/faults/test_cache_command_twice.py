"""A command reaches the cache two times."""

from __future__ import annotations

import json

from harness.fault import injected
from harness.faults.cache_command_twice import CacheCommandTwice
from tests.faults.conftest import Shop


def tallied(shop: Shop) -> int:
    """What a counter tells its client."""
    task_id = shop.send("shop.tally")
    assert shop.outcome(task_id).kind == "task-succeeded"
    return int(json.loads(shop.inner.results.client.get(f"celery-task-meta-{task_id}"))["result"])


def test_a_counter_counts_double_and_its_client_is_none_the_wiser(proxied: Shop) -> None:
    """`redis.commands.core: incrby` is what `incr` calls."""
    cache, before = proxied.inner.cache.client, proxied.strikes
    with injected(CacheCommandTwice(command="INCRBY"), proxied.world):
        assert tallied(proxied) == 1
        assert cache.get("tally-1") == b"2"
        assert tallied(proxied) == 3
    assert proxied.struck("cache_command_twice", before) == [("INCRBY", "forwarded twice")]
    assert tallied(proxied) == 4
    assert cache.get("tally-1") == b"4"
    cache.delete("tally-1")


def test_a_lock_is_taken_once_and_its_owner_has_it(proxied: Shop) -> None:
    before = proxied.strikes
    with injected(CacheCommandTwice(where="sale-1"), proxied.world):
        proxied.outcome(task_id := proxied.send("shop.lock"))
    assert proxied.struck("cache_command_twice", before) == [("SET", "forwarded twice")]
    assert proxied.events("lock-acquired", task_id=task_id)
    assert proxied.inner.cache.client.delete("sale-1") == 1
