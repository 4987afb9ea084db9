"""New connections to the app's database fail."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from harness.fault import injected
from harness.faults.database_unreachable import DatabaseUnreachable
from tests.faults.conftest import Shop


def test_connections_fail_until_it_is_healed_and_the_harness_can_read_meanwhile(shop: Shop) -> None:
    insert(shop)
    before = len(shop.world.database.rows("sales"))
    with injected(DatabaseUnreachable(), shop.world):
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            insert(shop)
        assert len(shop.world.database.rows("sales")) == before
    insert(shop)
    assert len(shop.world.database.rows("sales")) == before + 1


def insert(shop: Shop) -> None:
    path = shop.world.folder / "database" / "default.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=0)) as connection, connection:
        connection.execute("INSERT INTO sales VALUES (1)")
