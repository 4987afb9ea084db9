"""The connection to PostgreSQL is reset before a commit."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_command_cut import DatabaseCommandCut
from tests.faults.conftest import Shop


def test_the_task_fails_and_the_row_is_not_there(booking: Shop) -> None:
    before = booking.strikes, len(booking.world.database.rows("sales"))
    with injected(DatabaseCommandCut(), booking.world):
        assert booking.outcome(booking.send("shop.book")).kind == "task-failed"
    assert booking.struck("database_command_cut", before[0]) == [("COMMIT", "before")]
    assert len(booking.world.database.rows("sales")) == before[1]
    assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
