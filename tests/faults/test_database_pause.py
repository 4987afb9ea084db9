"""PostgreSQL stands still, and goes on."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_pause import DatabasePause
from tests.faults.conftest import Shop


def test_nothing_is_answered_while_it_holds_and_all_is_afterwards(booking: Shop) -> None:
    before = booking.booked()
    with injected(DatabasePause(), booking.world):
        assert booking.error("shop.book", 1)
    assert not booking.error("shop.book", 1)
    assert booking.booked() == before + 1
