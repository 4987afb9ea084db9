"""Workers and client disagree about the time, and agree again."""

from __future__ import annotations

import json
import time

import pytest

from harness.errors import StageError
from harness.fault import injected
from harness.faults.clock_skew import ClockSkew
from harness.stage import StageSettings
from harness.stages.processes import Processes
from tests.faults.conftest import Shop


@pytest.mark.parametrize("seconds", [7200.0, -600.0])
def test_a_worker_s_wall_clock_is_off_by_as_much_while_it_holds(filing: Shop, seconds: float) -> None:
    with injected(ClockSkew(seconds=seconds), filing.world):
        assert told_s(filing) - here_s(filing) == pytest.approx(seconds, abs=60)
    assert told_s(filing) - here_s(filing) == pytest.approx(0, abs=60)


def test_a_countdown_is_too_short_for_a_worker_that_is_fast_and_right_where_nobody_is(shop: Shop) -> None:
    with injected(ClockSkew(seconds=100.0), shop.world):
        assert waited_s(shop) == pytest.approx(20, abs=6)
    assert waited_s(shop) == pytest.approx(120, abs=6)


def test_a_countdown_is_too_long_where_the_client_is_fast(shop: Shop) -> None:
    with injected(ClockSkew(seconds=100.0, client=True), shop.world):
        assert waited_s(shop) == pytest.approx(220, abs=6)


def test_without_warp_it_is_refused_with_the_way_out(shop: Shop) -> None:
    settings = shop.world.settings
    with (
        Processes.open(StageSettings(settings.app, settings.contract, settings.workdir, warp="off")) as world,
        pytest.raises(StageError, match="--warp auto"),
        injected(ClockSkew(), world),
    ):
        pass


def told_s(shop: Shop) -> float:
    """What a worker's clock says."""
    task_id = shop.send("shop.tell")
    shop.outcome(task_id)
    return float(json.loads(shop.inner.results.client.get(f"celery-task-meta-{task_id}"))["result"])


def here_s(shop: Shop) -> float:
    """What the stage's clock says."""
    shared = shop.inner.clock.shared
    return time.time() if shared is None else shared.wall_s()


def waited_s(shop: Shop) -> float:
    """How long a task with a countdown of 120 s waits."""
    task_id = shop.send(options={"countdown": 120})
    sent = shop.published(task_id)
    shop.outcome(task_id)
    return shop.events("task-started", task_id=task_id)[0].at_s - sent.at_s
