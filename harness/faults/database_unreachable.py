"""See `DatabaseUnreachable`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseUnreachable(Fault):
    """New connections to the app's database fail; open ones stay.

    Healed by letting connections in again.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.database.refuse()
            yield
        finally:
            world.database.restore()
