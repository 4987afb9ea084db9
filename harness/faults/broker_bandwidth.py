"""See `BrokerBandwidth`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BrokerBandwidth(Fault):
    """The way to the broker takes only so many bytes a second, in each direction of each connection.

    `bytes_per_s`, in seconds of the stage's clock.

    Healed by going at full speed; what is under way arrives at once.
    """

    proxied = "broker"
    bytes_per_s: float = 10_000.0

    def strike(self, world: World) -> AbstractContextManager[None]:
        """Slow the link down."""
        return world.link(self.proxied).slow(bytes_per_s=self.bytes_per_s)
