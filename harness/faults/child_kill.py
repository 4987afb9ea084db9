"""See `ChildKill`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ChildKill(Fault):
    """One child of a worker is killed (SIGKILL), as by the OOM killer.

    The worker is the first that consumes `queue`, or the one named `worker`; `place` counts its children
    from 0. The worker's main process replaces the child itself, so there is nothing to heal.
    """

    queue: str | None = None
    worker: str | None = None
    place: int = 0

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        """Strike; heal when the context ends."""
        for victim in chosen(world, queue=self.queue, worker=self.worker)[:1]:
            pid = victim.kill_child(self.place)
            world.record("child-lost", worker=victim.name, pid=pid, signal=9)
        yield
