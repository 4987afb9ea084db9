"""See `ClockStep`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.errors import StageError
from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ClockStep(Fault):
    """The wall clock of the whole stage steps by `seconds`; the monotonic clock goes on.

    A negative number steps back. Needs warp, with which the stage has a clock of its own. Healed by
    stepping back by as much.
    """

    seconds: float = 3600.0

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        if world.warp == "off":
            raise StageError("A clock can only be stepped with warp.", remedy="Run with --warp auto.")
        world.clock.step_wall(self.seconds)
        try:
            yield
        finally:
            world.clock.step_wall(-self.seconds)
