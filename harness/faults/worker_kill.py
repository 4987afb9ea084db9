"""See `WorkerKill`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen, restart
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerKill(Fault):
    """Workers are killed (SIGKILL to the main process and its children at once), as by the OOM killer.

    All workers that consume `queue` are struck, or the one named `worker`; all of them where neither is
    given. Healed by starting them again.
    """

    queue: str | None = None
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        victims = chosen(world, queue=self.queue, worker=self.worker)
        try:
            for victim in victims:
                victim.kill()
            yield
        finally:
            restart(world, victims)
