"""See `ResultsDropsConnections`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ResultsDropsConnections(Fault):
    """The result backend closes every client connection, once.

    Clients may connect again at once, so there is nothing to heal.
    """

    stages = frozenset({"processes", "containers"})

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        world.results.drop_connections()
        yield
