"""Others hold every connection slot, and give them back."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_slots_exhausted import DatabaseSlotsExhausted
from tests.faults.conftest import Shop


def test_no_connection_is_to_be_had_while_it_holds(booking: Shop) -> None:
    before = booking.booked()
    with injected(DatabaseSlotsExhausted(), booking.world):
        assert "too many clients" in booking.error("shop.book", 1)
        assert booking.booked() == before, "the harness can read meanwhile"
    assert not booking.error("shop.book", 1)
    assert booking.booked() == before + 1
