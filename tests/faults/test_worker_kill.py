"""Workers are killed, and started again when it is healed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import UsageError
from harness.fault import injected
from harness.faults.worker_kill import WorkerKill
from tests.faults.conftest import Shop


def test_main_process_and_children_are_gone_while_it_holds_and_another_works_afterwards(
    shop: Shop, worker_pid: int, state: Callable[[int], str]
) -> None:
    worker = shop.world.workers["main"]
    family = (worker_pid, *worker.children())
    with injected(WorkerKill(queue="celery"), shop.world):
        assert {state(pid) for pid in family} <= {"", "Z"}
        assert worker.pid == 0
        waiting = shop.send()
    assert worker.pid not in {0, worker_pid}
    assert shop.outcome(waiting).kind == "task-succeeded"
    (lost,) = [event for event in shop.events("worker-lost") if event.get("pid") == worker_pid]
    assert lost.get("worker") == "main"


def test_a_queue_that_nobody_consumes_strikes_nobody(shop: Shop, worker_pid: int) -> None:
    with injected(WorkerKill(queue="nobody"), shop.world):
        assert shop.world.workers["main"].pid == worker_pid


def test_a_worker_that_there_is_not_is_refused(shop: Shop, worker_pid: int) -> None:
    with pytest.raises(UsageError, match="There are: main"), injected(WorkerKill(worker="maine"), shop.world):
        pass
    assert shop.world.workers["main"].pid == worker_pid


def test_a_victim_that_is_dead_already_is_no_error(shop: Shop) -> None:
    with injected(WorkerKill(), shop.world), injected(WorkerKill(), shop.world):
        pass
    assert shop.works()


def test_healing_does_not_wait_for_a_worker_while_the_broker_is_down(shop: Shop) -> None:
    """Faults overlap: whoever took the broker away brings it back, and then the worker consumes."""
    with injected(WorkerKill(), shop.world):
        shop.world.broker.kill()
    shop.world.broker.start()
    shop.world.workers["main"].ready()
    assert shop.works()
