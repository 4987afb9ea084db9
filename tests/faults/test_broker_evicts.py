"""Redis throws its queues away, or does not, as its policy says."""

from __future__ import annotations

import pytest

from harness.fault import injected
from harness.faults.broker_evicts import BrokerEvicts
from tests.faults.conftest import Shop


@pytest.mark.parametrize(("policy", "left"), [("allkeys-lru", 0), ("volatile-lru", 1), ("noeviction", 1)])
def test_what_waits_goes_or_stays_by_the_policy_and_the_server_is_as_it_was(
    shop: Shop, policy: str, left: int
) -> None:
    client = shop.world.broker.server.client  # type: ignore[attr-defined]
    before = client.config_get("maxmemory*")
    client.lpush("somebody-s", "message")
    with injected(BrokerEvicts(policy=policy), shop.world):
        assert client.exists("somebody-s") == left
    assert client.config_get("maxmemory*") == before
    client.delete("somebody-s")
    assert shop.works()
