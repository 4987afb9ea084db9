"""See `WorkerPause`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerPause(Fault):
    """Workers are stopped in their tracks (SIGSTOP to main process and children), as a paused machine would be.

    All workers that consume any of `queues` are struck, or the one named `worker`; all of them where
    neither is given. Healed by SIGCONT.
    """

    queues: tuple[str, ...] = ()
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        """Strike; heal when the context ends."""
        victims = chosen(world, queues=self.queues, worker=self.worker)
        try:
            for victim in victims:
                victim.pause()
            yield
        finally:
            for victim in victims:
                victim.resume()
