"""One direction of one connection: bytes in order, late where the link is slow."""

from __future__ import annotations

import asyncio
import heapq
import random
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

PIECE_BYTES = 4096
"""With a bandwidth, so much goes at once."""
SOONEST_S = 1e-5


@dataclass(slots=True)
class Pace:
    """How slow a link is: seconds for everything, random seconds more, bytes a second (0: no limit)."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float = 0.0

    @property
    def is_slow(self) -> bool:
        """Whether anything takes any time."""
        return bool(self.latency_s or self.jitter_s or self.bytes_per_s)


class Alarm:
    """Calls back at a time of the stage's clock.

    By the kernel's interval timer and not by the event loop's timeout, because warp never jumps past the
    one, and somewhat past the other (`harness.warp.controller`).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        loop.add_signal_handler(signal.SIGALRM, self._ring)

    def at(self, due_s: float, call: Callable[[], None]) -> None:
        """Call then, on ``time.monotonic()``."""
        self._number += 1
        heapq.heappush(self._due, (due_s, self._number, call))
        if self._due[0][1] == self._number:
            self._set()

    def _ring(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        self._set()

    def _set(self) -> None:
        left_s = max(SOONEST_S, self._due[0][0] - time.monotonic()) if self._due else 0.0
        signal.setitimer(signal.ITIMER_REAL, left_s)


class Lane:
    """What goes one way. `deliver` takes bytes, or None for the end."""

    def __init__(
        self, pace: Pace, alarm: Alarm, source: random.Random, deliver: Callable[[bytes | None], None]
    ) -> None:
        self._pace = pace
        self._alarm = alarm
        self._source = source
        self._deliver = deliver
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._free_at_s = 0.0

    def put(self, data: bytes | bytearray | None) -> None:
        """Send it on its way, behind all that is under way."""
        pace = self._pace
        if not pace.is_slow and not self._queue:
            self._deliver(None if data is None else bytes(data))
            return
        if data is None or not pace.bytes_per_s:
            self._wait(None if data is None else bytes(data))
            return
        for start in range(0, len(data), PIECE_BYTES):
            self._wait(bytes(data[start : start + PIECE_BYTES]))

    def flush(self) -> None:
        """Everything that is under way arrives now."""
        while self._queue:
            self._deliver(self._queue.popleft()[1])

    def _wait(self, data: bytes | None) -> None:
        pace = self._pace
        size_s = len(data) / pace.bytes_per_s if data and pace.bytes_per_s else 0.0
        came_s = time.monotonic() + pace.latency_s + self._source.uniform(0.0, pace.jitter_s)
        due_s = self._free_at_s = max(came_s, self._free_at_s) + size_s
        self._queue.append((due_s, data))
        self._alarm.at(due_s, self._arrive)

    def _arrive(self) -> None:
        now_s = time.monotonic()
        while self._queue and self._queue[0][0] <= now_s:
            self._deliver(self._queue.popleft()[1])
