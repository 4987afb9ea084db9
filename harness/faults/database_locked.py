"""See `DatabaseLocked`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseLocked(Fault):
    """Somebody else holds an exclusive lock on the app's database: writes wait, then fail.

    How long they wait is the app's own choice (SQLite's `timeout`, PostgreSQL's `lock_timeout`). Healed by
    giving the lock back.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.database.lock()
            yield
        finally:
            world.database.restore()
