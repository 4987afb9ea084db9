"""The broker dies, freezes and hangs up while payments are made: every account is paid, and once."""

from __future__ import annotations

import pytest

from harness.plugin import OpenWorld, Target, conducted
from harness.workload import Body, Experiment, Send, Strike, Trigger
from scenarios.payments import Bank

pytestmark = pytest.mark.chaos

COUNT = 20


def test_a_killed_broker_loses_nothing(careful: Bank) -> None:
    """Its data are on disk, and the workers connect again."""
    strike = Strike("broker_restart", {}, Trigger(on="task-succeeded", nth=5, heal_after_s=5.0))
    careful.pay(COUNT, strike).assert_each_paid_once()


def test_a_frozen_broker_loses_nothing(careful: Bank) -> None:
    """Connections stay open, and nothing answers for a while."""
    strike = Strike("broker_pause", {}, Trigger(on="task-succeeded", nth=5, heal_after_s=20.0))
    careful.pay(COUNT, strike).assert_each_paid_once()


def test_what_is_published_to_a_frozen_broker_is_paid_when_it_thaws(careful: Bank) -> None:
    """The publish waits, and nothing else does."""
    strike = Strike("broker_pause", {}, Trigger(at_s=2.5, heal_after_s=20.0))
    careful.pay(COUNT, strike, every_s=1.0).assert_each_paid_once()


def test_dropped_connections_lose_nothing(careful: Bank) -> None:
    """Three times in a row, while payments are held in their bodies."""
    drops = [Strike("broker_drops_connections", {}, Trigger(on="task-succeeded", nth=n)) for n in (3, 8, 13)]
    paid = careful.pay(COUNT, *drops, body=Body(hold_s=1.0))
    paid.assert_each_paid_once()


def test_a_publish_that_fails_is_known_to_the_caller(careful: Bank) -> None:
    """While the broker is away `apply_async` raises: what did not raise is paid, and nothing else."""
    strike = Strike("broker_restart", {}, Trigger(at_s=2.0, heal_after_s=3.0))
    paid = careful.pay(8, strike, every_s=1.0)
    refused = {event.task_id for event in paid.judgement.history.of("publish-failed")}
    paid.judgement.assert_kept("no_lost_task")
    assert len(paid.lost) <= len(refused)
    assert not paid.twice


def test_a_worker_that_holds_a_delayed_task_outlives_its_broker(
    open_world: OpenWorld, payroll_target: Target
) -> None:
    """Celery 5.7 ends a worker whose Redis goes away while it holds a message; `core.consumer` does not."""
    with open_world(payroll_target) as world:
        delayed = Send("core.tasks.cleanup_old_logs", Body(stub=True), args=(31,), options={"countdown": 60})
        later = Send("core.tasks.cleanup_old_logs", Body(stub=True), at_s=30.0, args=(32,))
        restart = Strike("broker_restart", {}, Trigger(at_s=5.0, heal_after_s=5.0))
        outage = Experiment("outage", "normal", (delayed, later), (restart,), settle_within_s=9000.0)
        found = conducted(world, payroll_target.contract, outage, guarantees=["no_lost_task"])
        ended = [name for name, worker in world.workers.items() if worker.ended()]
    found.assert_kept("no_lost_task", "normal")
    assert not ended
