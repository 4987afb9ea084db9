"""See `WorkerDiskReadOnly`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerDiskReadOnly(Fault):
    """The disk for the app's files cannot be written on workers: ``EROFS``.

    Files that are open stay open. All workers that consume `queue` are struck, or the one named `worker`;
    all where neither is given. Needs ``--stage containers``. Healed by giving the folder back.
    """

    queue: str | None = None
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with ExitStack() as stack:
            for victim in chosen(world, queue=self.queue, worker=self.worker):
                stack.enter_context(world.isolation.disk_read_only(victim.name))
            yield
