"""See `WorkerContainerStop`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen, restart
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerContainerStop(Fault):
    """Workers' containers are stopped as ``docker stop`` does: SIGTERM, then SIGKILL after `grace_s` real s.

    A task that runs longer than the grace is cut off in the middle of the warm shutdown. Where a shell is the
    container's first process (`WorkerLayout.shell`) SIGTERM reaches nobody, and every task is cut off. All
    workers that consume `queue` are struck, or the one named `worker`; all where neither is given. Needs
    ``--stage containers``. Healed by starting them again.
    """

    grace_s: int = 1
    queue: str | None = None
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        victims = chosen(world, queue=self.queue, worker=self.worker)
        try:
            for victim in victims:
                victim.stop(cold=False)
                world.isolation.stop(victim.name, self.grace_s)
            yield
        finally:
            for victim in victims:
                victim.kill()
            restart(world, victims)
