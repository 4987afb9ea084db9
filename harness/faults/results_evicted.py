"""See `ResultsEvicted`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ResultsEvicted(Fault):
    """The result backend has no memory left and throws results away, as its `maxmemory-policy` says, once.

    `policy`: volatile-lru and allkeys-lru let all results go that expire (`result_expires`); with noeviction
    none go. What is gone is gone: there is nothing to heal.
    """

    stages = frozenset({"processes", "containers"})

    policy: str = "volatile-lru"

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        world.results.evict(self.policy)
        yield
