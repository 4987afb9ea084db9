"""The broker takes no writes, and takes them again."""

from __future__ import annotations

import pytest
import redis

from harness.fault import injected
from harness.faults.broker_read_only import BrokerReadOnly
from tests.faults.conftest import Shop


def test_nothing_is_published_while_it_holds_and_all_works_afterwards(shop: Shop) -> None:
    client = shop.world.broker.server.client  # type: ignore[attr-defined]
    client.set("kept", "yes")
    with injected(BrokerReadOnly(), shop.world):
        assert client.get("kept") == b"yes"
        with pytest.raises(redis.exceptions.ReadOnlyError):
            client.set("kept", "no")
        refused = shop.send()
        assert not shop.world.advance(
            lambda: bool(shop.events("message-published", task_id=refused)), within_s=1
        )
    assert client.get("kept") == b"yes"
    assert client.info("replication")["role"] == "master"
    client.delete("kept")
    assert shop.works()
