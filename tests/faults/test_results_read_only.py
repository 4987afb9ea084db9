"""The result backend takes no results, and takes them again."""

from __future__ import annotations

import pytest
import redis

from harness.fault import injected
from harness.faults.results_read_only import ResultsReadOnly
from tests.faults.conftest import Shop


def test_writes_are_refused_while_it_holds_and_nothing_is_lost(shop: Shop) -> None:
    client = shop.inner.results.client
    client.set("kept", "yes")
    with injected(ResultsReadOnly(), shop.world), pytest.raises(redis.exceptions.ReadOnlyError):
        client.set("kept", "no")
    assert client.get("kept") == b"yes"
    assert client.info("replication")["role"] == "master"
    client.delete("kept")
    assert shop.works()
