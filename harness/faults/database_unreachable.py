"""See `DatabaseUnreachable`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseUnreachable(Fault):
    """New connections to the app's database fail. Healed by letting them in again.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        """Strike; heal when the context ends."""
        try:
            world.database.refuse()
            yield
        finally:
            world.database.restore()
