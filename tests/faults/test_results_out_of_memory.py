"""The result backend takes no results, and takes them again."""

from __future__ import annotations

import pytest
import redis

from harness.fault import injected
from harness.faults.results_out_of_memory import ResultsOutOfMemory
from tests.faults.conftest import Shop


def test_writes_are_refused_while_it_holds_and_reads_are_not(shop: Shop) -> None:
    client = shop.inner.results.client
    client.set("kept", "yes")
    before = client.config_get("maxmemory*")
    with injected(ResultsOutOfMemory(), shop.world):
        assert client.get("kept") == b"yes"
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("kept", "no")
    assert client.config_get("maxmemory*") == before
    client.delete("kept")
    assert shop.works()
