"""See `BrokerRefused`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BrokerRefused(Fault):
    """New connections to the broker are refused; those that are open stay.

    Healed by taking them again.
    """

    proxied = "broker"

    def strike(self, world: World) -> AbstractContextManager[None]:
        """Close the port."""
        return world.link(self.proxied).refused()
