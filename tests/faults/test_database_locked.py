"""Somebody else holds the lock on the app's database."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from harness.fault import injected
from harness.faults.database_locked import DatabaseLocked
from tests.faults.conftest import Shop


def test_writes_fail_until_it_is_healed_and_the_harness_can_read_meanwhile(shop: Shop) -> None:
    insert(shop)
    before = len(shop.world.database.rows("sales"))
    with injected(DatabaseLocked(), shop.world):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            insert(shop)
        assert len(shop.world.database.rows("sales")) == before
    insert(shop)
    assert len(shop.world.database.rows("sales")) == before + 1


def insert(shop: Shop) -> None:
    path = shop.world.folder / "database" / "default.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=0)) as connection, connection:
        connection.execute("INSERT INTO sales VALUES (1)")
