"""kombu's periodic calls on Redis, without those that would find nothing to do.

Every ten seconds each worker looks for messages whose visibility timeout is over, every 25 whether its
connections still live (`kombu/transport/redis.py`). An hour of waiting would be a thousand such calls. A call
sleeps through ticks at which nothing can be found: no message is old enough, or the server answers. What a
tick counts (`unacked_restore_throttle`) is counted for those slept through.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from typing import Any

from kombu.asynchronous.timer import Entry

from harness.simulation.stores import Store

LONG_S = 3_000_000.0
CALLS: list[Call] = []
"""Calls that sleep, of all workers; woken when clocks or servers do what nobody could foresee."""


class Call:
    """One periodic call of one worker."""

    def __init__(self, hub: Any, interval_s: float, callback: Any, wait: Callable[[Any], float]) -> None:
        self.hub = hub
        self.interval_s = interval_s
        self.callback = callback
        self.wait = wait
        self.last_s = time.monotonic()
        self.entry: Entry = hub.timer.Entry(self._tick)
        hub.timer.enter_after(interval_s, self.entry)
        CALLS.append(self)

    def _tick(self) -> None:
        now_s = time.monotonic()
        slept = max(0, round((now_s - self.last_s) / self.interval_s) - 1)
        self.last_s = now_s
        cycle = self.callback.__self__
        for channel in cycle._channels:
            if slept and hasattr(channel.qos, "_vrestore_count"):
                channel.qos._vrestore_count += slept
        try:
            self.callback()
        finally:
            if self.entry.canceled:
                if self in CALLS:
                    CALLS.remove(self)
            else:
                self._sleep()

    def _sleep(self) -> None:
        ticks = max(1, math.ceil(min(self.wait(self.callback.__self__), LONG_S) / self.interval_s))
        self.hub.timer.enter_after(ticks * self.interval_s, self.entry)

    def stir(self) -> None:
        """Come at the next tick, as if it had never slept."""
        timer = self.hub.timer
        if self.entry.canceled or not any(each.entry is self.entry for each in timer._queue):
            return
        timer._queue[:] = [each for each in timer._queue if each.entry is not self.entry]
        heapq.heapify(timer._queue)
        since_s = time.monotonic() - self.last_s
        timer.enter_after(self.interval_s - since_s % self.interval_s, self.entry)
        if self.hub._waker is not None:
            self.hub._waker.wake()


def stir() -> None:
    """Clocks or servers have done what nobody could foresee."""
    for call in CALLS:
        call.stir()


def _until_overdue(cycle: Any) -> float:
    """Seconds until the first unacknowledged message may be given back."""
    waits = [LONG_S]
    for channel in cycle._channels:
        timeout_s = float(channel.visibility_timeout)
        waits.append(timeout_s)
        store = Store.by_port.get(int(channel.connection.client.port or 0))
        if store is None or not store.connected or store.paused:
            return 0.0
        index = store.dbs[0]._dict.get(str(channel.unacked_index_key).encode())
        if index is not None and len(index.value):
            oldest_s = min(index.value[member] for member in index.value)
            waits.append(oldest_s + timeout_s - time.time())
    return max(0.0, min(waits))


def _until_silent(cycle: Any) -> float:
    """Seconds until the server may fail to answer: for ever, unless it is stopped or gone."""
    for channel in cycle._channels:
        store = Store.by_port.get(int(channel.connection.client.port or 0))
        if store is None or not store.connected or store.paused:
            return 0.0
    return LONG_S


WAITS: dict[str, Callable[[Any], float]] = {
    "maybe_restore_messages": _until_overdue,
    "maybe_check_subclient_health": _until_silent,
    "maybe_check_brpop_health": _until_silent,
}
