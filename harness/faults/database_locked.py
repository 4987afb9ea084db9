"""See `DatabaseLocked`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseLocked(Fault):
    """Somebody else holds an exclusive lock on the app's database: writes wait, then fail. Healed by giving it back.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        """Strike; heal when the context ends."""
        try:
            world.database.lock()
            yield
        finally:
            world.database.restore()
