"""Workers stand still while it holds."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.worker_pause import WorkerPause
from tests.faults.conftest import Shop


def test_main_process_and_children_stand_still_and_go_on_afterwards(
    shop: Shop,
    worker_pid: int,
    state: Callable[[int], str],
    eventually: Callable[[Callable[[], object]], bool],
) -> None:
    family = (worker_pid, *shop.world.workers["main"].children())
    with injected(WorkerPause(queues=("celery",)), shop.world):
        assert eventually(lambda: {state(pid) for pid in family} == {"T"})
        waiting = shop.send()
    assert shop.outcome(waiting).kind == "task-succeeded"
    assert shop.world.workers["main"].pid == worker_pid


def test_a_worker_that_was_killed_meanwhile_is_no_error(shop: Shop) -> None:
    worker = shop.world.workers["main"]
    with injected(WorkerPause(), shop.world):
        worker.kill()
    worker.launch()
    worker.ready()
    assert shop.works()
