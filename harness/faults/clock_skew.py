"""See `ClockSkew`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.errors import StageError
from harness.fault import Fault
from harness.faults._calls import REAL
from harness.faults._select import chosen
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ClockSkew(Fault):
    """The wall clocks of workers are off by `seconds` from everybody else's, as without NTP.

    A negative number is slow. All workers that consume `queue` are off, or the one named `worker`; all where
    neither is given; with `client` it is the client's clock instead. Monotonic clocks go on. A countdown
    becomes a time of the client's clock (``celery/app/amqp.py``) and is waited for by the worker's. Needs
    warp, with which the stage has a clock of its own.

    Healed by the clocks as they were.
    """

    stages = REAL

    seconds: float = 300.0
    queue: str | None = None
    worker: str | None = None
    client: bool = False

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        if world.warp == "off":
            raise StageError("A clock can only be off with warp.", remedy="Run with --warp auto.")
        victims = chosen(world, queue=self.queue, worker=self.worker)
        roles = ["client"] if self.client else [f"worker:{each.name}" for each in victims]
        amount = int(self.seconds * 1e9)
        with world.calls.rule(fault=self.name, call="clock", action="slow", roles=roles, amount=amount):
            yield
