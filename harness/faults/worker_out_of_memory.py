"""See `WorkerOutOfMemory`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerOutOfMemory(Fault):
    """Workers have `limit_mb` of memory: the kernel kills whoever takes more, a child as a rule.

    All workers that consume `queue` are struck, or the one named `worker`; all where neither is given. Needs
    ``--stage containers``. Healed by lifting the limit.
    """

    limit_mb: int = 256
    queue: str | None = None
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with ExitStack() as stack:
            for victim in chosen(world, queue=self.queue, worker=self.worker):
                stack.enter_context(world.isolation.memory_limit(victim.name, self.limit_mb * 2**20))
            yield
