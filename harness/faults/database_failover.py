"""See `DatabaseFailover`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseFailover(Fault):
    """PostgreSQL dies, and a standby takes over its address: connections break, new ones reach another
    server.

    Replication was `lag_s` seconds behind (of the stage's clock): what was committed in them is lost, as with
    asynchronous replication (https://www.postgresql.org/docs/current/warm-standby.html). With 0 nothing is,
    where nobody writes meanwhile. Needs ``--database postgres``. The standby stays:
    there is nothing to heal.
    """

    stages = frozenset({"processes", "containers"})

    lag_s: float = 0.0

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        take_over = world.database.copied()
        if self.lag_s:
            world.advance(lambda: False, within_s=self.lag_s)
        take_over()
        yield
