"""A container is stopped: first asked, then killed."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.worker_container_stop import WorkerContainerStop
from tests.faults.conftest import Shop


def test_the_container_is_gone_while_it_holds_and_another_works_afterwards(boxed: Shop) -> None:
    worker = boxed.world.workers["main"]
    before = worker.pid
    with injected(WorkerContainerStop(grace_s=5), boxed.world):
        assert worker.ended()
        assert boxed.events("worker-stopped")
        waiting = boxed.send()
    assert worker.pid not in {0, before}
    assert boxed.outcome(waiting).kind == "task-succeeded"
