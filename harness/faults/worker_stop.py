"""See `WorkerStop`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen, restart
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerStop(Fault):
    """Workers are told to stop: warm (SIGTERM, they finish what runs) or cold (SIGQUIT).

    All workers that consume `queue` are struck, or the one named `worker`; all of them where neither is
    given. Healed by waiting up to `within_s` seconds of the stage's clock for them to end, killing those
    that did not, and starting them again.
    """

    cold: bool = False
    queue: str | None = None
    worker: str | None = None
    within_s: float = 60.0

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        victims = chosen(world, queue=self.queue, worker=self.worker)
        try:
            for victim in victims:
                victim.stop(cold=self.cold)
            yield
        finally:
            world.advance(lambda: all(victim.ended() for victim in victims), within_s=self.within_s)
            for victim in victims:
                if not victim.ended():
                    victim.kill()
            restart(world, victims)
