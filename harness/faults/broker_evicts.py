"""See `BrokerEvicts`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BrokerEvicts(Fault):
    """Redis has no memory left and throws away what it holds, queues and all, as its `maxmemory-policy` says,
    once.

    With `policy` allkeys-lru anything may go; with volatile-lru only keys that expire, so not the queues;
    with noeviction nothing. Celery's broker needs noeviction (https://docs.celeryq.dev, "Using Redis", Key
    eviction). Needs ``--broker redis``. Healed by giving kombu the names of its queues back, as a worker that
    starts would; messages that are gone stay gone.
    """

    stages = frozenset({"processes", "containers"})

    policy: str = "allkeys-lru"

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with world.broker.evicted(self.policy):
            yield
