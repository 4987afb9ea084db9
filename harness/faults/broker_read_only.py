"""See `BrokerReadOnly`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._select import restart
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BrokerReadOnly(Fault):
    """The broker is a replica that takes no writes (Redis: ``READONLY``), as after a failover behind its
    back.

    Needs ``--broker redis``. A worker that waits for a message ends over it (celery issue 7946): Redis breaks
    the wait off with UNBLOCKED, which kombu does not know. Healed by making it the master again, and by
    starting workers again that end within `within_s` seconds of the stage's clock, as whatever supervises
    them would.
    """

    stages = frozenset({"processes", "containers"})

    within_s: float = 15.0

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            with world.broker.read_only():
                yield
        finally:
            workers = list(world.workers.values())
            world.advance(lambda: all(worker.ended() for worker in workers), within_s=self.within_s)
            restart(world, [worker for worker in workers if worker.ended()])
