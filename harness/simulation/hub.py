"""kombu's event loop on virtual descriptors and virtual time; everything that it does is its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import celery.worker.components
from kombu.asynchronous.hub import Hub
from kombu.asynchronous.timer import Entry, Timer
from vine import Thenable, promise

from harness.simulation import housekeeping
from harness.simulation.clock import CLOCK, NS
from harness.simulation.descriptors import Descriptor, Poller

IDLE_CALLS = frozenset({"maybe_refresh_binding_expiry", "maybe_reauth"})
"""Timers of kombu's Redis transport, for bindings that expire and streamed credentials only
(`kombu/transport/redis.py`); each second they would wake every worker."""
KNOWS_WAKER = hasattr(Hub, "_create_waker")
"""Whether kombu's loop knows what wakes it (`kombu/asynchronous/hub.py`, since 5.7). Before, it is one more
descriptor that is read: the loop would take one that it does not know out of its poller for good."""


class OrderedEntry(Entry):
    """kombu orders entries of one moment by address (`kombu/asynchronous/timer.py`), we by age."""

    __slots__ = ("place",)
    places = itertools.count()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.place = next(self.places)

    def __lt__(self, other: Any) -> bool:
        return bool(self.place < other.place)


class OrderedTimer(Timer):
    """Entries in order."""

    Entry = OrderedEntry


class Pending:
    """kombu keeps what is to be called soon in a set, in the order of addresses; here it is a list."""

    def __init__(self) -> None:
        self.calls: dict[Any, None] = {}

    def add(self, call: Any) -> None:
        """At the end unless it is there."""
        self.calls.setdefault(call)

    def discard(self, call: Any) -> None:
        """Not any more."""
        self.calls.pop(call, None)

    remove = discard

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self.calls))

    def __bool__(self) -> bool:
        return bool(self.calls)

    def __len__(self) -> int:
        return len(self.calls)

    def __copy__(self) -> list[Any]:
        return list(self.calls)


class Waker(Descriptor):
    """What interrupts the poller when somebody else has put a call into the loop."""

    pid = -1

    def __init__(self) -> None:
        super().__init__()
        self.awake = False
        self.pid = CLOCK.getpid()

    def readable(self) -> bool:
        """Whether somebody has called."""
        return self.awake

    def wake(self) -> None:
        """Call."""
        self.awake = True
        self.notify()

    def drain(self) -> None:
        """Heard."""
        self.awake = False

    def close(self) -> None:
        """No more calls."""
        self.forget()


class SimulatedHub(Hub):
    """The event loop of a simulated worker."""

    def __init__(self, timer: Any = None) -> None:
        super().__init__(timer if timer is not None else OrderedTimer())
        self._ready: Any = Pending()
        self.on_tick: Any = Pending()
        self.on_close: Any = Pending()
        self._waker = Waker()
        self._watch_waker()

    def _create_poller(self) -> None:
        self._poller = Poller()
        self._poller.until = self._due_in_s
        self._register_fd, self._unregister_fd = self._poller.register, self._poller.unregister
        if getattr(self, "_waker", None) is not None:
            self._watch_waker()

    def _watch_waker(self) -> None:
        waker: Any = self._waker
        self._poller.register(waker, self.READ)
        if not KNOWS_WAKER:
            self.readers[waker.fileno()] = (waker.drain, ())

    def _create_waker(self) -> Any:
        return self._waker

    def _due_in_s(self) -> float | None:
        """Until the next timer, however far away; kombu looks at least every ten seconds."""
        queue = self.timer._queue
        if self._ready:
            return 0.0
        if not queue:
            return None
        # Up to the next whole nanosecond, so that what is due is due when we wake.
        return max(0.0, (int(queue[0].eta * NS) + 1 - CLOCK.ns) / NS)

    def call_soon(self, callback: Any, *args: Any) -> Any:
        """Call it in the next round."""
        call = callback if isinstance(callback, Thenable) else promise(callback, args)
        self._ready.add(call)
        if self._waker is not None:
            self._waker.wake()
        return call

    def _pop_ready(self) -> Any:
        ready, self._ready = self._ready, Pending()
        return ready

    def _on_wakeup(self, waker: Waker) -> None:
        waker.drain()

    def call_repeatedly(self, delay: float, callback: Any, *args: Any) -> Any:
        """Call it every `delay` seconds; kombu's housekeeping sleeps through calls that would do nothing."""
        name = getattr(callback, "__name__", "")
        if name in IDLE_CALLS and not _has_work(callback):
            return OrderedEntry(callback)
        wait = housekeeping.WAITS.get(name)
        if wait is None:
            return super().call_repeatedly(delay, callback, *args)
        return housekeeping.Call(self, delay, callback, wait).entry


def _has_work(callback: Any) -> bool:
    channels = getattr(getattr(callback, "__self__", None), "_channels", ())
    return any(getattr(channel, "_expires", None) for channel in channels)


def install() -> None:
    """Workers that start from now on have this loop, and kombu's Redis transport this poller."""
    import kombu.transport.redis

    loops: Any = kombu.asynchronous.hub
    transport: Any = kombu.transport.redis
    loops.poll = transport.poll = Poller
    celery.worker.components._Hub = SimulatedHub
    celery.worker.components._Timer = OrderedTimer
    cycle: Any = kombu.transport.redis.MultiChannelPoller
    original = cycle.__init__

    def init(this: Any) -> None:
        original(this)
        this._channels = Pending()  # a set of kombu's; in order here
        this.after_read = Pending()

    cycle.__init__ = init
