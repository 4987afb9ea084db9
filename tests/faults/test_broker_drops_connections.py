"""Every connection to the broker is closed, once."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_drops_connections import BrokerDropsConnections
from tests.faults.conftest import Shop


def test_the_worker_s_connections_are_gone_and_it_connects_again(shop: Shop) -> None:
    client = shop.inner.broker.server.client  # type: ignore[attr-defined]
    before = {each["id"] for each in client.client_list(_type="normal")}
    with injected(BrokerDropsConnections(), shop.world):
        left = before & {each["id"] for each in client.client_list(_type="normal")}
    assert len(left) <= 1, "only the harness's own is left"
    assert shop.works()
