"""See `ChildKill`."""

from __future__ import annotations

import signal
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
    from 0. Nothing is struck where the worker has no child, as with the pool `solo`. The worker's main
    process replaces the child itself, so there is nothing to heal.
    """

    queue: str | None = None
    worker: str | None = None
    place: int = 0

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        for victim in chosen(world, queue=self.queue, worker=self.worker)[:1]:
            pid = victim.kill_child(self.place)
            if pid:
                world.record("child-lost", worker=victim.name, pid=pid, signal=int(signal.SIGKILL))
        yield
