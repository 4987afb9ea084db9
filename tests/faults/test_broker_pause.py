"""The broker stands still while it holds."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.broker_pause import BrokerPause
from tests.faults.conftest import Shop


def test_the_server_stands_still_and_goes_on_afterwards(
    shop: Shop, state: Callable[[int], str], eventually: Callable[[Callable[[], object]], bool]
) -> None:
    pid = shop.world.broker.pid
    with injected(BrokerPause(), shop.world):
        assert eventually(lambda: state(pid) == "T")
    assert shop.world.broker.pid == pid
    assert shop.works()


def test_a_broker_that_was_killed_meanwhile_is_no_error(shop: Shop) -> None:
    with injected(BrokerPause(), shop.world):
        shop.world.broker.kill()
    shop.world.broker.start()
    assert shop.works()
