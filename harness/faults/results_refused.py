"""See `ResultsRefused`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ResultsRefused(Fault):
    """New connections to the result backend are refused; those that are open stay.

    Healed by taking them again.
    """

    proxied = "results"

    def strike(self, world: World) -> AbstractContextManager[None]:
        """Close the port."""
        return world.link(self.proxied).refused()
