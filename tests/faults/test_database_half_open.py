"""Connections to PostgreSQL are dead for one side only."""

from __future__ import annotations

import json
import select
from collections.abc import Callable
from contextlib import closing
from typing import Any, cast

import pytest

from harness.fault import injected
from harness.faults.database_half_open import DatabaseHalfOpen
from tests.faults.conftest import Shop


def connected(booking: Shop) -> Any:
    """A connection of our own, the way that the app goes."""
    import psycopg

    told = json.loads((booking.world.folder / "probe.json").read_text(encoding="utf-8"))["databases"]["*"]
    return psycopg.connect(host=told["HOST"], port=told["PORT"], user=told["USER"], dbname=told["NAME"])


@pytest.mark.parametrize("left", ["client", "server"])
def test_who_is_left_keeps_the_connection(
    booking: Shop, left: str, eventually: Callable[[Callable[[], object]], bool]
) -> None:
    with cast("Any", booking.world.database)._session() as server, closing(connected(booking)) as client:
        backend = client.info.backend_pid

        def known() -> bool:
            row = server.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (backend,)
            ).fetchone()
            return bool(row[0])

        def told(within_s: float) -> bool:
            return bool(select.select([client.fileno()], [], [], within_s)[0])

        assert known()
        with injected(DatabaseHalfOpen(left=left), booking.world):  # type: ignore[arg-type]
            if left == "client":
                assert eventually(lambda: not known())
                assert not told(within_s=0.2)
            else:
                assert told(within_s=30.0)
                assert known()
            assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
        assert eventually(lambda: not known())
        assert told(within_s=30.0)
