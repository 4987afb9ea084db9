"""See `Redelivery`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target


class Redelivery(Mutation):
    """The visibility timeout of Redis is a tenth, the tenfold, or Celery's own.

    It decides when a message of a lost worker is delivered again, and whether one that is still worked on is
    (kombu/transport/redis.py). RabbitMQ has none.
    """

    def mutants(self, target: Target) -> Iterator[Mutant]:
        timeout_s = (target.conf("broker_transport_options") or {}).get("visibility_timeout")
        if target.broker != "redis" or not timeout_s:
            return
        for after in (max(1, timeout_s // 10), timeout_s * 10, None):
            yield self.of_conf(target, "broker_transport_options.visibility_timeout", after)
