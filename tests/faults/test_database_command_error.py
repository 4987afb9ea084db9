"""PostgreSQL refuses a statement."""

from __future__ import annotations

import pytest

from harness.fault import injected
from harness.faults.database_command_error import DatabaseCommandError
from tests.faults.conftest import Shop


@pytest.mark.parametrize("command", ["COMMIT", "INSERT"])
def test_the_task_fails_with_the_error_that_was_ordered(booking: Shop, command: str) -> None:
    rows = len(booking.world.database.rows("sales"))
    fault = DatabaseCommandError(command=command, error="40001 could not serialize access")
    with injected(fault, booking.world):
        failed = booking.outcome(booking.send("shop.book"))
    assert failed.get("error_type") == "SerializationFailure"
    assert "could not serialize access" in failed.get("error")
    assert len(booking.world.database.rows("sales")) == rows
    assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
