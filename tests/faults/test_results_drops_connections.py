"""The result backend closes connections, once."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.results_drops_connections import ResultsDropsConnections
from tests.faults.conftest import Shop


def test_open_connections_are_gone_and_new_ones_are_made(shop: Shop) -> None:
    assert shop.works()
    client = shop.inner.results.client
    before = {each["id"] for each in client.client_list()} - {str(client.client_id())}
    assert before
    with injected(ResultsDropsConnections(), shop.world):
        assert not before & {each["id"] for each in client.client_list()}
        assert shop.works()
