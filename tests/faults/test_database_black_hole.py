"""Nothing passes between app and PostgreSQL."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_black_hole import DatabaseBlackHole
from tests.faults.conftest import Shop


def test_a_task_that_writes_hangs_until_it_is_healed(booking: Shop) -> None:
    with injected(DatabaseBlackHole(), booking.world):
        task_id = booking.send("shop.book")
        assert not booking.world.advance(lambda: False, within_s=2)
        assert booking.events("body-entered", task_id=task_id)
        assert not booking.events("body-left", task_id=task_id)
    assert booking.outcome(task_id).kind == "task-succeeded"
