"""A standby takes over the address."""

from __future__ import annotations

from typing import Any, cast

from harness.fault import injected
from harness.faults.database_failover import DatabaseFailover
from tests.faults.conftest import Shop


def test_the_address_is_another_server_s_that_has_what_was_committed(booking: Shop) -> None:
    assert not booking.error("shop.book", 1)
    before, server = booking.booked(), server_of(booking)
    with injected(DatabaseFailover(), booking.world):
        assert server_of(booking) != server
        assert booking.booked() == before
        assert not booking.error("shop.book", 1)
    assert booking.booked() == before + 1
    assert not booking.error("shop.book", 1)


def test_what_was_committed_while_replication_was_behind_is_lost(booking: Shop) -> None:
    before = booking.booked()
    late = booking.send("shop.book", options={"countdown": 5})
    with injected(DatabaseFailover(lag_s=20.0), booking.world):
        assert booking.outcome(late).kind == "task-succeeded"
        assert booking.booked() == before
    assert not booking.error("shop.book", 1)
    assert booking.booked() == before + 1


def server_of(shop: Shop) -> str:
    """The folder of the data that the server runs on."""
    folder: str = cast("Any", shop.world.database)._told("SHOW data_directory")
    return folder
