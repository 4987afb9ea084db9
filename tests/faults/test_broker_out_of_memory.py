"""The broker takes nothing more, and takes it again."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_out_of_memory import BrokerOutOfMemory
from harness.redis_server import RedisServer
from tests.faults.conftest import Shop


def test_redis_refuses_writes_while_it_holds(shop: Shop) -> None:
    server: RedisServer = shop.world.broker.server  # type: ignore[attr-defined]
    before = server.client.config_get("maxmemory*")
    with injected(BrokerOutOfMemory(), shop.world):
        waiting = shop.send()
        came = shop.world.advance(lambda: bool(shop.events("task-started", task_id=waiting)), within_s=1)
        assert not came
    assert server.client.config_get("maxmemory*") == before
    assert shop.works()
