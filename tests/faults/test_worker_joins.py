"""Another worker joins, takes its share of the tasks, and leaves when it is healed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness import discovery
from harness.errors import UsageError
from harness.fault import injected
from harness.faults.worker_joins import WorkerJoins
from tests.faults.conftest import APP, Shop, settings

BOTH = {"main", "main-2"}
MANY = 20
"""More tasks than one worker takes from the broker for itself: four for each of its two children."""


def who_ran(shop: Shop, tasks: list[str]) -> set[str]:
    """The workers whose children ran these tasks."""
    return {shop.outcome(task).source.split(":")[1] for task in tasks}


def test_it_takes_its_share_of_the_tasks_and_leaves_without_a_trace(filing: Shop) -> None:
    """Of processes, and in a container of its own."""
    shop = filing
    with injected(WorkerJoins(worker="main"), shop.world):
        assert list(shop.world.workers) == ["main", "main-2"]
        pid = shop.world.workers["main-2"].pid
        tasks = [shop.send(argument=n, body={"hold_s": 5.0}) for n in range(MANY)]
        assert who_ran(shop, tasks) == BOTH
    assert list(shop.world.workers) == ["main"]
    assert not Path(f"/proc/{pid}").exists()
    assert pid not in [event.get("pid") for event in shop.events("worker-lost")], "it left, it was not lost"
    assert shop.works()


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_on_the_simulated_stage_too_and_one_that_does_not_stop_in_time_is_killed(
    broker: str, tmp_path: Path
) -> None:
    stage = discovery.find("stages", "simulated")
    with stage.open(replace(settings(tmp_path, APP), broker=broker)) as world:  # type: ignore[attr-defined]
        shop = Shop(world)
        with injected(WorkerJoins(queue="celery"), world):
            tasks = [shop.send(argument=n, body={"hold_s": 5.0}) for n in range(MANY)]
            assert who_ran(shop, tasks) == BOTH
        assert not shop.events("worker-lost")

        with injected(WorkerJoins(within_s=1.0), world):
            pid = world.workers["main-2"].pid
            tasks = [shop.send(argument=n, body={"hold_s": 50.0}) for n in range(MANY)]

            def both() -> bool:
                return (
                    len({event.source for event in shop.events("body-entered") if event.task_id in tasks})
                    == 4
                )

            assert world.advance(both, within_s=60)
        assert [event.get("pid") for event in shop.events("worker-lost")] == [pid]
        assert list(world.workers) == ["main"]


def test_a_worker_that_is_not_there_has_no_twin(shop: Shop) -> None:
    with pytest.raises(UsageError, match="'mian'"), injected(WorkerJoins(worker="mian"), shop.world):
        pass
