"""The broker is killed, and started again on the same port and data."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.broker_restart import BrokerRestart
from tests.faults.conftest import Shop


def test_nobody_listens_while_it_holds_and_the_data_are_there_afterwards(
    shop: Shop, open_port: Callable[[tuple[str, int]], bool]
) -> None:
    client = shop.inner.broker.server.client  # type: ignore[attr-defined]
    client.set("kept", "yes")
    pid = shop.world.broker.pid
    with injected(BrokerRestart(), shop.world):
        assert shop.world.broker.pid == 0
        assert not open_port(shop.world.broker.addresses()[0])
    assert shop.world.broker.pid not in {0, pid}
    assert client.get("kept") == b"yes"
    assert shop.works()


def test_one_that_is_dead_already_is_no_error(shop: Shop) -> None:
    with injected(BrokerRestart(), shop.world), injected(BrokerRestart(), shop.world):
        pass
    assert shop.works()
