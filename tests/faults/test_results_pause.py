"""The result backend stands still, and goes on."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.results_pause import ResultsPause
from tests.faults.conftest import Shop


def test_a_result_waits_until_it_goes_on(shop: Shop, state: Callable[[int], str]) -> None:
    with injected(ResultsPause(), shop.world):
        assert state(shop.world.results.pid) == "T"
    assert state(shop.world.results.pid) != "T"
    assert shop.works()
