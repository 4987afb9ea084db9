"""A container is stopped: first asked, then killed."""

from __future__ import annotations

from pathlib import Path

from harness.fault import injected
from harness.faults.worker_container_stop import WorkerContainerStop
from harness.stages.containers import Containers
from tests.faults.conftest import APP, Shop, settings, under_shell


def test_the_container_is_gone_while_it_holds_and_another_works_afterwards(boxed: Shop) -> None:
    worker = boxed.world.workers["main"]
    before = worker.pid
    with injected(WorkerContainerStop(grace_s=5), boxed.world):
        assert worker.ended()
        assert boxed.events("worker-stopped")
        waiting = boxed.send()
    assert worker.pid not in {0, before}
    assert boxed.outcome(waiting).kind == "task-succeeded"


def test_a_shell_as_its_first_process_passes_nothing_on_and_the_task_is_cut_off(
    boxed: Shop, tmp_path: Path
) -> None:
    asked = under_shell(settings(tmp_path, APP))
    with Containers.open(asked) as world:
        shop = Shop(world)
        assert shop.works()
        running = shop.send(body={"hold_s": 0.5, "lingers_s": 30.0})
        assert world.advance(lambda: bool(shop.events("body-left", task_id=running)), within_s=60)
        with injected(WorkerContainerStop(grace_s=1), world):
            assert not shop.events("worker-stopped"), "nobody told it"
            assert not shop.events("task-succeeded", task_id=running)
        assert world.workers["main"].pid
        assert shop.works()
