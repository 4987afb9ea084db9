"""Two conditions of a broker that no fault of the harness makes: full, and set up by its operator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from scenarios.document.bench import Bench


@contextmanager
def full_broker(bench: Bench, queue: str, *, holds: int = 0) -> Iterator[None]:
    """Redis refuses writes for want of memory; RabbitMQ takes no more than `holds` messages for a queue."""
    broker: Any = bench.world.broker
    if bench.world.warp == "virtual":
        pytest.skip("not on stage simulated: its brokers are never full; run with --stage processes")
    if bench.broker == "redis":
        with redis.Redis.from_url(broker.url()) as client:
            client.config_set("maxmemory", "1")
            try:
                yield
            finally:
                client.config_set("maxmemory", "0")
        return
    limit = json.dumps({"max-length": holds, "overflow": "reject-publish"})
    broker._control("set_policy", "full", f"^{queue}$", limit, "--apply-to", "queues")
    try:
        yield
    finally:
        broker._control("clear_policy", "full")


def as_deployed(bench: Bench) -> None:
    """What `myhours/DEPLOYMENT.md` asks of a RabbitMQ before 3.12: a longer consumer timeout."""
    if bench.broker == "rabbitmq" and not bench.documented:
        bench.world.broker._control("eval", "application:set_env(rabbit, consumer_timeout, 3900000).")
