"""See `WorkerJoins`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import chosen, restart
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerJoins(Fault):
    """Workers get a twin beside them, as when a deployment scales out or replaces old workers by new ones.

    All workers that consume `queue` get one, or the one named `worker`; all of them where neither is given.
    Healed by telling the twins to stop (warm), waiting up to `within_s` seconds of the stage's clock, and
    killing those that did not.
    """

    queue: str | None = None
    worker: str | None = None
    within_s: float = 60.0

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with ExitStack() as stack:
            models = chosen(world, queue=self.queue, worker=self.worker)
            twins = [stack.enter_context(world.twin(model.name)) for model in models]
            try:
                restart(world, twins)
                yield
            finally:
                for twin in twins:
                    twin.stop(cold=False)
                world.advance(lambda: all(twin.ended() for twin in twins), within_s=self.within_s)
                for twin in twins:
                    if not twin.ended():
                        twin.kill()
