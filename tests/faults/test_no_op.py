"""The control changes nothing."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.no_op import NoOp
from tests.faults.conftest import Shop


def test_everything_goes_on_as_before(shop: Shop, worker_pid: int) -> None:
    servers = (shop.world.broker.pid, shop.world.results.pid, shop.world.cache.pid)
    with injected(NoOp(), shop.world):
        assert shop.works()
        assert (shop.world.broker.pid, shop.world.results.pid, shop.world.cache.pid) == servers
        assert shop.world.workers["main"].pid == worker_pid
