"""See `CacheGone`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class CacheGone(Fault):
    """The cache is killed (SIGKILL), where Django's cache and the locks in it live.

    Healed by starting it again on the same port and data.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.cache.kill()
            yield
        finally:
            world.cache.start()
