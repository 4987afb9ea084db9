"""PostgreSQL crashes, and recovers what was committed."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_restart import DatabaseRestart
from tests.faults.conftest import Shop


def test_nobody_is_there_while_it_holds_and_what_was_committed_is_afterwards(booking: Shop) -> None:
    assert not booking.error("shop.book", 1)
    before = booking.booked()
    with injected(DatabaseRestart(), booking.world):
        assert booking.error("shop.book", 1)
    assert booking.booked() == before
    assert not booking.error("shop.book", 1)
    assert booking.booked() == before + 1
