"""A commit is carried out, and the task does not know it."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_reply_lost import DatabaseReplyLost
from tests.faults.conftest import Shop


def test_the_task_fails_and_the_row_is_there(booking: Shop) -> None:
    before = booking.strikes, len(booking.world.database.rows("sales"))
    with injected(DatabaseReplyLost(), booking.world):
        assert booking.outcome(booking.send("shop.book")).kind == "task-failed"
    assert booking.struck("database_reply_lost", before[0]) == [("COMMIT", "reply")]
    assert len(booking.world.database.rows("sales")) == before[1] + 1
    assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
