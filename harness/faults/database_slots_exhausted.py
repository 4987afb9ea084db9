"""See `DatabaseSlotsExhausted`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseSlotsExhausted(Fault):
    """Others hold every connection slot of PostgreSQL: "sorry, too many clients already".

    The app's own connections are closed at the server and their slots taken too, so that it has none. Needs
    ``--database postgres``. Healed by closing what was taken.
    """

    stages = frozenset({"processes", "containers"})

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with world.database.exhausted():
            yield
