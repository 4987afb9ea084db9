"""See `ClockStep`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ClockStep(Fault):
    """The wall clock of the whole stage steps by `seconds`; the monotonic clock goes on.

    Needs warp, whose clock the stage shares. Healed by stepping back.
    """

    seconds: float = 3600.0

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        """Strike; heal when the context ends."""
        world.clock.step_wall(self.seconds)
        try:
            yield
        finally:
            world.clock.step_wall(-self.seconds)
