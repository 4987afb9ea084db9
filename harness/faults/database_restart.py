"""See `DatabaseRestart`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseRestart(Fault):
    """PostgreSQL crashes: it ends at once, without a checkpoint, and every connection with it.

    What was committed is there afterwards. Needs ``--database postgres``. Healed by starting it again; it
    recovers from its write-ahead log.
    """

    stages = frozenset({"processes", "containers"})

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with world.database.down():
            yield
