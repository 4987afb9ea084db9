"""The cache refuses a lock."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.cache_command_error import CacheCommandError
from tests.faults.conftest import Shop


def test_the_task_fails_with_the_error_that_was_ordered_and_no_lock_is_there(proxied: Shop) -> None:
    before = proxied.strikes
    error = "OOM command not allowed when used memory > 'maxmemory'."
    with injected(CacheCommandError(where="sale-1", error=error), proxied.world):
        failed = proxied.outcome(proxied.send("shop.lock"))
        assert not proxied.inner.cache.client.exists("sale-1")
        assert proxied.outcome(proxied.send("shop.lock")).kind == "task-succeeded", "one, as was said"
    assert (failed.kind, failed.get("error_type")) == ("task-failed", "OutOfMemoryError")
    assert proxied.struck("cache_command_error", before) == [("SET", "answered")]
    assert proxied.inner.cache.client.delete("sale-1") == 1
    assert proxied.outcome(proxied.send("shop.lock")).kind == "task-succeeded"
    assert proxied.inner.cache.client.delete("sale-1") == 1
