"""See `CacheReset`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class CacheReset(Fault):
    """Every connection to the cache is reset, once (RST), as by a load balancer that restarts.

    Clients may connect again at once, so there is nothing to heal.
    """

    proxied = "cache"

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        world.link(self.proxied).cut()
        yield
