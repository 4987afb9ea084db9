"""See `DatabaseReset`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseReset(Fault):
    """Every connection to PostgreSQL is reset, once (RST), as by a load balancer that restarts.

    Clients may connect again at once, so there is nothing to heal.
    """

    proxied = "database"

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        world.link(self.proxied).cut()
        yield
