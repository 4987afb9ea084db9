"""See `ResultsGone`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ResultsGone(Fault):
    """The result backend is killed (SIGKILL).

    Healed by starting it again on the same port and data.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.results.kill()
            yield
        finally:
            world.results.start()
