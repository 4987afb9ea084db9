"""PostgreSQL refuses to write, and reads."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.database_read_only import DatabaseReadOnly
from tests.faults.conftest import Shop


def test_writes_fail_and_reads_do_not_while_it_holds(booking: Shop) -> None:
    before = booking.booked()
    with injected(DatabaseReadOnly(), booking.world):
        assert "read-only transaction" in booking.error("shop.book", 1)
        assert not booking.error("shop.count", 1)
        assert booking.booked() == before
    assert not booking.error("shop.book", 1)
    assert booking.booked() == before + 1
