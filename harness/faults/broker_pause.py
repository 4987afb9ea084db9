"""See `BrokerPause`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BrokerPause(Fault):
    """The broker is stopped in its tracks (SIGSTOP): connections stay open, nothing answers.

    Healed by SIGCONT. On Redis a pause of more than `brpop_timeout` + `health_check_interval` may lose a
    task: the worker drops the connection on which it waits for one (kombu 5.7,
    `kombu/transport/redis.py:maybe_check_brpop_health`), and the server, when it goes on, may pop the
    first message for that connection before it sees that nobody is there any more.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.broker.pause()
            yield
        finally:
            world.broker.resume()
