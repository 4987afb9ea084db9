"""The way to PostgreSQL is narrow."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_bandwidth import DatabaseBandwidth
from tests.faults.conftest import Shop


def test_a_task_that_writes_takes_so_much_longer(booking: Shop) -> None:
    with injected(DatabaseBandwidth(bytes_per_s=200.0), booking.world):
        task_id = booking.send("shop.book")
        assert booking.outcome(task_id).kind == "task-succeeded"
        (entered,) = booking.events("body-entered", task_id=task_id)
        (left,) = booking.events("body-left", task_id=task_id)
        assert left.at_s - entered.at_s >= 2.0, "some 400 bytes, most of them before the first statement"
    assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
