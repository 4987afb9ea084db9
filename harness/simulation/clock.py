"""The virtual clock of a simulating process; installed before Celery, kombu, redis or the app are imported.

``from time import monotonic`` and default arguments take the function that is there at import
(`kombu/asynchronous/timer.py`, `celery/app/trace.py`), so `install` comes first. `time.time` and all of
`datetime` are time-machine's, which patches them in C; replacing `time.time` in Python as well makes
time-machine 3 read a slot that is not there and crash.
"""

from __future__ import annotations

import os
import random
import sys
import time as clocks
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.simulation.absent import absent

with absent("pytest"):
    import time_machine

NS = 1_000_000_000
EPOCH_NS = 1_800_000_000 * NS
"""Where virtual time begins, in nanoseconds since 1970; both clocks start there, so ETAs are exact."""

SPIN = 500
"""Readings without a pause after which somebody is taken to wait by looking at the clock, as beat does
(`celery/beat.py`, `adjust(drift=-0.010)`): it is made to wait for a millisecond."""

TOO_EARLY = ("celery", "kombu", "redis", "billiard", "django")

real_monotonic = clocks.monotonic
real_sleep = clocks.sleep
real_urandom = os.urandom
real_getpid = os.getpid
real_getppid = os.getppid
real_kill = os.kill


@dataclass(slots=True)
class Clock:
    """Now, in nanoseconds, and who answers for what an app asks of the machine."""

    ns: int = EPOCH_NS
    wall_ahead_ns: int = 0
    reads: int = 0
    running: bool = False
    sleep: Callable[[float], None] = real_sleep
    spin: Callable[[], None] = lambda: None
    urandom: Callable[[int], bytes] = real_urandom
    getpid: Callable[[], int] = real_getpid
    getppid: Callable[[], int] = real_getppid
    kill: Callable[[int, int], None] = real_kill
    traveller: Any = field(default=None)

    def set(self, ns: int) -> None:
        """Time moves, for everybody at once."""
        self.ns = ns
        self.reads = 0
        if self.traveller is not None:
            self.traveller._destination_timestamp_ns = ns + self.wall_ahead_ns

    def step_wall(self, seconds: float) -> None:
        """The wall clock steps, the monotonic clock does not."""
        self.wall_ahead_ns += int(seconds * NS)
        self.set(self.ns)

    def now_s(self) -> float:
        """Seconds since virtual time began."""
        return (self.ns - EPOCH_NS) / NS

    def read(self) -> None:
        """Somebody looks at the clock."""
        self.reads += 1
        if self.reads > SPIN and self.running:
            self.reads = 0
            self.spin()


CLOCK = Clock()


def _monotonic() -> float:
    if not CLOCK.running:
        return real_monotonic()
    CLOCK.read()
    return CLOCK.ns / NS


def _monotonic_ns() -> int:
    return CLOCK.ns if CLOCK.running else int(real_monotonic() * NS)


def _sleep(seconds: float) -> None:
    CLOCK.sleep(seconds) if CLOCK.running else real_sleep(seconds)


def _urandom(size: int) -> bytes:
    return CLOCK.urandom(size) if CLOCK.running else real_urandom(size)


def _clock_gettime(which: int) -> float:
    if which in (clocks.CLOCK_REALTIME, getattr(clocks, "CLOCK_TAI", -1)):
        return (CLOCK.ns + CLOCK.wall_ahead_ns) / NS
    return CLOCK.ns / NS


def install() -> None:
    """Put the virtual clock, seeded randomness and virtual process ids in the place of the machine's."""
    early = [name for name in TOO_EARLY if name in sys.modules]
    if early:
        raise RuntimeError(f"the virtual clock comes first, and {early} are imported already")
    patch: Any = clocks
    patch.monotonic = patch.perf_counter = patch.process_time = patch.thread_time = _monotonic
    patch.monotonic_ns = patch.perf_counter_ns = patch.process_time_ns = patch.thread_time_ns = _monotonic_ns
    patch.sleep = _sleep
    patch.clock_gettime = _clock_gettime
    patch.clock_gettime_ns = lambda which: int(_clock_gettime(which) * NS)
    system: Any = os
    system.urandom = _urandom
    system.getpid = lambda: CLOCK.getpid()  # noqa: PLW0108 - looked up at each call
    system.getppid = lambda: CLOCK.getppid()  # noqa: PLW0108 - as above
    system.kill = lambda pid, number: CLOCK.kill(pid, number)  # noqa: PLW0108 - as above
    _seed_everything()
    time_machine.travel(CLOCK.ns / NS, tick=False).start()

    class Traveller(time_machine.Traveller):
        """Frozen at the kernel's time; who looks too often is made to wait."""

        def time_ns(self) -> int:
            CLOCK.read()
            return int(self._destination_timestamp_ns)

    stack: Any = time_machine.traveller_stack
    CLOCK.traveller = stack[-1] = Traveller(CLOCK.ns, None, False)
    CLOCK.running = True


def _seed_everything() -> None:
    """Whoever asks for randomness without a seed gets the run's own (`uuid`, `secrets`)."""
    source: Any = random
    source._urandom = _urandom
    original = random.Random.seed

    def seed(this: Any, a: Any = None, version: int = 2) -> None:
        original(this, int.from_bytes(_urandom(32), "big") if a is None else a, version)

    source.Random.seed = seed
    import uuid

    module: Any = uuid
    module._generate_time_safe = None  # libuuid's: real time, real randomness
    module._UuidCreate = None
    module._node = 0x020000000001  # the machine's own address otherwise
