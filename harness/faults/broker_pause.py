"""See `BrokerPause`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BrokerPause(Fault):
    """The broker is stopped in its tracks (SIGSTOP): connections stay open, nothing answers.

    Healed by SIGCONT.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.broker.pause()
            yield
        finally:
            world.broker.resume()
