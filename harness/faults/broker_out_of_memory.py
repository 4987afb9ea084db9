"""See `BrokerOutOfMemory`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BrokerOutOfMemory(Fault):
    """The broker has no memory left for messages: Redis refuses writes, RabbitMQ blocks whoever publishes.

    Redis: ``maxmemory`` of one byte with ``noeviction``: each write is answered ``OOM command not allowed``.
    RabbitMQ: the memory alarm (https://www.rabbitmq.com/docs/alarms). Healed by giving it back.
    """

    def strike(self, world: World) -> AbstractContextManager[None]:
        return world.broker.out_of_memory()
