"""See `CacheBlackHole`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class CacheBlackHole(Fault):
    """Nothing passes between app and the cache any more: no answer, no refusal, no end.

    Connections stay open, new ones are made and get no answer, and an end on one side is not noticed on
    the other, as when a switch or a firewall drops all packets.

    Healed by letting everything pass: what was sent meanwhile arrives, as it does when TCP sends it
    again.
    """

    proxied = "cache"

    def strike(self, world: World) -> AbstractContextManager[None]:
        """Let nothing pass."""
        return world.link(self.proxied).black_hole()
