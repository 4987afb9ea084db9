"""See `CacheGone`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class CacheGone(Fault):
    """The cache is killed (SIGKILL), and with it what locks and counters live there. Healed by starting it again.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        """Strike; heal when the context ends."""
        try:
            world.cache.kill()
            yield
        finally:
            world.cache.start()
