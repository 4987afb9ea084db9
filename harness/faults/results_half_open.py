"""See `ResultsHalfOpen`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.fault import Fault
from harness.proxy.rules import Side
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ResultsHalfOpen(Fault):
    """Every connection to the result backend is dead for one side, and the other does not learn it.

    `left` is who has it still: client (the server has restarted behind a NAT that forgets: whatever is
    sent gets no answer) or server (the client is gone, and its consumers stay registered). New
    connections work.

    Healed by resetting what was left.
    """

    proxied = "results"

    left: Side = "client"

    def strike(self, world: World) -> AbstractContextManager[None]:
        """Close one side's ends."""
        return world.link(self.proxied).half_open(self.left)
