"""See `WorkerDiskFull`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerDiskFull(Fault):
    """The disk for the app's files has no room left on workers: writing fails with ``ENOSPC``.

    What was there can be read. All workers that consume `queue` are struck, or the one named `worker`; all
    where neither is given. Needs ``--stage containers``. Healed by giving the folder back.
    """

    queue: str | None = None
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with ExitStack() as stack:
            for victim in chosen(world, queue=self.queue, worker=self.worker):
                stack.enter_context(world.isolation.disk_full(victim.name))
            yield
