"""SQLite has no connections to drop: that is said, and nothing happens."""

from __future__ import annotations

import pytest

from harness.fault import injected
from harness.faults.database_drops_connections import DatabaseDropsConnections
from tests.faults.conftest import Shop


def test_on_sqlite_it_says_that_nothing_happens(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    with injected(DatabaseDropsConnections(), shop.world):
        assert "no connections" in caplog.text
        assert shop.works()
