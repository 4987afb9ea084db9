"""See `BrokerDiskFull`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BrokerDiskFull(Fault):
    """RabbitMQ finds too little room on its disk: the disk alarm blocks whoever publishes.

    See https://www.rabbitmq.com/docs/alarms. Redis knows no such alarm. Healed by the limit as it was.
    """

    def strike(self, world: World) -> AbstractContextManager[None]:
        return world.broker.out_of_disk()
