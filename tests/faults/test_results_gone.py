"""The result backend is killed, and started again on the same port and data."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.results_gone import ResultsGone
from tests.faults.conftest import Shop


def test_nobody_listens_while_it_holds_and_the_data_are_there_afterwards(
    shop: Shop, open_port: Callable[[tuple[str, int]], bool]
) -> None:
    client = shop.inner.results.client
    client.set("kept", "yes")
    pid = shop.world.results.pid
    with injected(ResultsGone(), shop.world):
        assert shop.world.results.pid == 0
        assert not open_port(shop.inner.results.address)
    assert shop.world.results.pid not in {0, pid}
    assert client.get("kept") == b"yes"
    assert shop.works()


def test_one_that_is_dead_already_is_no_error(shop: Shop) -> None:
    with injected(ResultsGone(), shop.world), injected(ResultsGone(), shop.world):
        pass
    assert shop.works()
