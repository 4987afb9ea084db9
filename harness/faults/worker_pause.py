"""See `WorkerPause`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerPause(Fault):
    """Workers are stopped in their tracks (SIGSTOP to main process and children), as on a paused machine.

    All workers that consume any of `queues` are struck, or the one named `worker`; all of them where
    neither is given. Healed by SIGCONT.
    """

    queues: tuple[str, ...] = ()
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        victims = chosen(world, queues=self.queues, worker=self.worker)
        with ExitStack() as healing:
            for victim in victims:
                healing.callback(victim.resume)
                victim.pause()
            yield
