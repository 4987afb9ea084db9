"""The wall clock of the whole stage steps, and steps back."""

from __future__ import annotations

import pytest

from harness.errors import StageError
from harness.fault import injected
from harness.faults.clock_step import ClockStep
from harness.stage import StageSettings
from harness.stages.processes import Processes
from tests.faults.conftest import Shop
from tests.faults.test_every_fault import wall_offset_s


@pytest.mark.parametrize("seconds", [7200.0, -600.0])
def test_the_wall_clock_is_off_by_as_much_while_it_holds_and_the_monotonic_clock_is_not(
    seconds: float, shop: Shop
) -> None:
    if shop.world.warp == "off":
        pytest.skip("without warp the stage has no clock to step")
    before_s, wall_s = shop.world.clock.now_s(), wall_offset_s(shop.world)
    with injected(ClockStep(seconds=seconds), shop.world):
        assert wall_offset_s(shop.world) - wall_s == pytest.approx(seconds, abs=60)
        assert abs(shop.world.clock.now_s() - before_s) < 300
        assert shop.works()
    assert wall_offset_s(shop.world) == pytest.approx(wall_s, abs=60)


def test_without_warp_it_is_refused_with_the_way_out(shop: Shop) -> None:
    settings = shop.world.settings
    with (
        Processes.open(StageSettings(settings.app, settings.contract, settings.workdir, warp="off")) as world,
        pytest.raises(StageError, match="--warp auto"),
        injected(ClockStep(), world),
    ):
        pass
