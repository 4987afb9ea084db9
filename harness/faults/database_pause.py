"""See `DatabasePause`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabasePause(Fault):
    """PostgreSQL is stopped in its tracks (SIGSTOP to server and backends): connections stay open, nothing
    answers.

    New connections are taken by the kernel and get no answer. Needs ``--database postgres``. Healed by
    SIGCONT.
    """

    stages = frozenset({"processes", "containers"})

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with world.database.paused():
            yield
