"""See `BrokerQueueDeleted`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BrokerQueueDeleted(Fault):
    """A queue is deleted with its messages, by somebody who cleans up, once.

    `queue`: the app's default queue unless it is named. RabbitMQ tells the workers, which declare it again;
    until they do, what is published to it goes nowhere. On Redis only the messages are gone. What workers
    hold they hold. There is nothing to heal.
    """

    stages = frozenset({"processes", "containers"})

    queue: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        world.broker.delete_queue(self.queue or str(world.snapshot["default_queue"]))
        yield
