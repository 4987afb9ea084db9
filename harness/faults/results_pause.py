"""See `ResultsPause`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ResultsPause(Fault):
    """The result backend is stopped in its tracks (SIGSTOP): connections stay open, nothing answers.

    Healed by SIGCONT.
    """

    stages = frozenset({"processes", "containers"})

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.results.pause()
            yield
        finally:
            world.results.resume()
