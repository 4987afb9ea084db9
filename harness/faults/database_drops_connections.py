"""See `DatabaseDropsConnections`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseDropsConnections(Fault):
    """Every open connection to the app's database is closed at the server, once.

    SQLite has no server and no connections to close: there nothing happens. New connections work at once,
    so there is nothing to heal.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        world.database.drop_connections()
        yield
