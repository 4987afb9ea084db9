"""A commit is held on its way to PostgreSQL."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_command_held import DatabaseCommandHeld
from tests.faults.conftest import Shop


def test_nobody_sees_the_row_and_the_task_waits_until_it_goes_on(booking: Shop) -> None:
    before, booked = booking.strikes, booking.booked()
    with injected(DatabaseCommandHeld(), booking.world):
        task_id = booking.send("shop.book")
        assert booking.world.advance(lambda: booking.strikes > before, within_s=60)
        assert not booking.world.advance(
            lambda: bool(booking.events("task-succeeded", "task-failed", task_id=task_id)), within_s=5
        )
        assert booking.booked() == booked
    assert booking.struck("database_command_held", before) == [("COMMIT", "held")]
    assert booking.outcome(task_id).kind == "task-succeeded"
    assert booking.booked() == booked + 1
    assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
    assert booking.booked() == booked + 2
