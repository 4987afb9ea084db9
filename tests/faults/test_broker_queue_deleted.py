"""A queue is deleted with what waits in it; RabbitMQ's is in `tests/brokers/test_rabbitmq.py`."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_queue_deleted import BrokerQueueDeleted
from harness.faults.worker_pause import WorkerPause
from tests.faults.conftest import Shop


def test_what_waits_in_it_is_gone_and_what_is_sent_later_runs(shop: Shop) -> None:
    with injected(WorkerPause(), shop.world):
        doomed = [shop.send() for _ in range(3)]
        for task_id in doomed:
            shop.published(task_id)
        waiting = shop.world.broker.read(["celery"]).queues["celery"].tasks
        assert waiting
        with injected(BrokerQueueDeleted(), shop.world):
            assert shop.world.broker.read(["celery"]).queues["celery"].depth == 0
    assert shop.works()
    assert not [task_id for task_id in waiting if shop.events("task-started", task_id=task_id)]


def test_another_queue_is_not_touched(shop: Shop) -> None:
    with injected(WorkerPause(), shop.world):
        waiting = shop.send()
        shop.published(waiting)
        with injected(BrokerQueueDeleted(queue="other"), shop.world):
            pass
    assert shop.outcome(waiting).kind == "task-succeeded"
