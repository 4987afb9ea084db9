"""A statement reaches PostgreSQL two times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from harness.fault import injected
from harness.faults.database_command_twice import DatabaseCommandTwice
from tests.faults.conftest import Shop


@contextmanager
def unique_sales(shop: Shop) -> Iterator[None]:
    """No sale with a number above 70 is booked two times."""
    with cast("Any", shop.world.database)._session() as session:
        session.execute("CREATE UNIQUE INDEX sale ON sales (n) WHERE n > 70")
    try:
        yield
    finally:
        with cast("Any", shop.world.database)._session() as session:
            session.execute("DROP INDEX sale")


def test_one_booking_is_two_rows_and_the_task_is_none_the_wiser(booking: Shop) -> None:
    before, booked = booking.strikes, booking.booked()
    with injected(DatabaseCommandTwice(where="sales"), booking.world):
        assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
    assert booking.struck("database_command_twice", before) == [("INSERT", "forwarded twice")]
    assert booking.booked() == booked + 2
    assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
    assert booking.booked() == booked + 3


def test_a_commit_that_is_repeated_commits_once(booking: Shop) -> None:
    booked = booking.booked()
    with injected(DatabaseCommandTwice(command="COMMIT"), booking.world):
        assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
    assert booking.booked() == booked + 1


def test_where_the_second_one_breaks_the_transaction_the_task_is_told_and_nothing_is_booked(
    booking: Shop,
) -> None:
    """As an order number that is taken does; a later sale would be lost without a word otherwise."""
    booked = booking.booked()
    with unique_sales(booking):
        with injected(DatabaseCommandTwice(), booking.world):
            failed = booking.outcome(booking.send("shop.book", 77))
        assert failed.get("error_type") == "UniqueViolation"
        assert booking.booked() == booked
        assert booking.outcome(booking.send("shop.book", 77)).kind == "task-succeeded"
    assert booking.booked() == booked + 1
