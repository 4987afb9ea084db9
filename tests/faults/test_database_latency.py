"""The way to PostgreSQL takes time, of the stage's clock."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_latency import DatabaseLatency
from tests.faults.conftest import Shop


def test_a_task_that_writes_takes_so_much_longer(booking: Shop) -> None:
    with injected(DatabaseLatency(latency_s=0.5), booking.world):
        task_id = booking.send("shop.book")
        assert booking.outcome(task_id).kind == "task-succeeded"
        (entered,) = booking.events("body-entered", task_id=task_id)
        (left,) = booking.events("body-left", task_id=task_id)
        assert left.at_s - entered.at_s >= 3.0, "the start, BEGIN, INSERT and COMMIT: there and back each"
    assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
