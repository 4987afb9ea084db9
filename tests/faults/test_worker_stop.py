"""Workers are told to stop, and started again when it is healed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.fault import injected
from harness.faults.worker_stop import WorkerStop
from harness.stages.processes import Processes
from tests.faults.conftest import APP, Shop, settings, under_shell


@pytest.mark.parametrize("cold", [False, True])
def test_the_worker_ends_by_itself_and_another_works_afterwards(
    cold: bool, shop: Shop, worker_pid: int
) -> None:
    worker = shop.world.workers["main"]
    with injected(WorkerStop(cold=cold, worker="main"), shop.world):
        assert shop.world.advance(worker.ended, within_s=60)
        waiting = shop.send()
    assert worker.pid not in {0, worker_pid}
    assert shop.outcome(waiting).kind == "task-succeeded"
    assert worker_pid not in [event.get("pid") for event in shop.events("worker-lost")], "it was not lost"


def test_a_warm_stop_lets_the_running_task_finish(shop: Shop) -> None:
    running = shop.send(body={"hold_s": 5.0})
    assert shop.world.advance(lambda: bool(shop.events("body-entered", task_id=running)), within_s=60)
    with injected(WorkerStop(), shop.world):
        pass
    assert shop.outcome(running).kind == "task-succeeded"
    assert len(shop.events("body-entered", task_id=running)) == 1


def test_one_that_does_not_end_in_time_is_killed(shop: Shop, worker_pid: int) -> None:
    running = shop.send(body={"hold_s": 50.0})
    assert shop.world.advance(lambda: bool(shop.events("body-entered", task_id=running)), within_s=60)
    with injected(WorkerStop(within_s=1.0), shop.world):
        pass
    assert worker_pid in [event.get("pid") for event in shop.events("worker-lost")]
    assert shop.works()


def test_under_a_shell_that_passes_no_signal_on_a_worker_hears_nothing_and_is_killed(tmp_path: Path) -> None:
    with Processes.open(under_shell(settings(tmp_path, APP))) as world:
        shop = Shop(world)
        worker = shop.inner.workers["main"]
        shell, main = worker.pid, worker.main
        assert main not in {0, shell}
        assert worker.children()
        assert set(worker.processes()) == {shell, main, *worker.children()}
        assert shop.works()
        with injected(WorkerStop(within_s=20.0), world):
            assert not world.advance(worker.ended, within_s=10)
            assert shop.works(), "it goes on as if nothing had been said"
        assert shell in [event.get("pid") for event in shop.events("worker-lost")]
        assert not shop.events("worker-stopped")
        assert shop.works()
