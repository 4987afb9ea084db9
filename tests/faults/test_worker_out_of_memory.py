"""A child that takes more memory than its container has is killed by the kernel."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.worker_out_of_memory import WorkerOutOfMemory
from tests.faults.conftest import Shop


def test_whoever_eats_too_much_is_killed_and_the_worker_lives_on(boxed: Shop) -> None:
    worker = boxed.world.workers["main"]
    before, main = worker.children(), worker.pid
    with injected(WorkerOutOfMemory(limit_mb=200), boxed.world):
        failed = boxed.outcome(boxed.send("shop.eat", 400))
        assert failed.kind == "task-failed"
        assert "SIGKILL" in str(failed.data)
        assert worker.pid == main
    assert worker.children() != before
    assert boxed.outcome(boxed.send("shop.eat", 400)).kind == "task-succeeded"
