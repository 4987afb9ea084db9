"""The result backend stands still, and goes on."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.results_pause import ResultsPause
from tests.faults.conftest import Shop


def test_it_is_stopped_while_it_holds_and_goes_on_afterwards(
    shop: Shop, state: Callable[[int], str], eventually: Callable[[Callable[[], object]], bool]
) -> None:
    with injected(ResultsPause(), shop.world):
        assert eventually(lambda: state(shop.world.results.pid) == "T")
    assert eventually(lambda: state(shop.world.results.pid) != "T")
    assert shop.works()
