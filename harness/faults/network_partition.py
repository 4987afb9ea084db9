"""See `NetworkPartition`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class NetworkPartition(Fault):
    """Nothing passes between two containers, and nothing is refused: connections stay open and silent.

    `one` and `other` are names of workers, or ``client``, ``broker``, ``results``, ``cache``, ``mail``. Needs
    ``--stage containers``. Healed by letting packets through again; what was sent arrives then.
    """

    one: str = "client"
    other: str = "broker"

    def strike(self, world: World) -> AbstractContextManager[None]:
        return world.isolation.partition(self.one, self.other)
