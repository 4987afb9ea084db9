"""Locks of simulated processes: who finds one taken waits in virtual time, and lets others go on.

A lock of the machine that a waiting greenlet holds would stop the whole simulation. Events, conditions and
queues are made of locks, and so wait in virtual time as well. A lock whose holder was killed is free: after a
fork each process has its own.
"""

from __future__ import annotations

import _thread
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from harness.simulation.clock import CLOCK, real_monotonic, real_sleep
from harness.simulation.descriptors import WORLD
from harness.simulation.kernel import Strand, Wakeup

MAIN = _thread.get_ident()
NOTE = "a thread was started; threads run in real time"
FOREVER_S = 30.0
"""Real seconds for which a real thread of the app waits for a lock, at most."""


WANTED: dict[Lock, None] = {}
"""Locks for which somebody waits."""


class Lock:
    """What `threading.Lock` makes in a simulating process."""

    __slots__ = ("__weakref__", "holder", "taken", "waiters")

    def __init__(self) -> None:
        self.taken = False
        self.holder: Strand | None = None
        self.waiters: deque[Wakeup] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002
        """Take it; False where it is taken and there is no time to wait."""
        if self.taken and not self._free():
            if not blocking:
                return False
            if not self._wait(timeout if timeout >= 0 else None):
                return False
        self.taken = True
        self.holder = WORLD.kernel.running if CLOCK.running else None
        return True

    __enter__ = acquire

    def release(self) -> None:
        """Give it back; those who wait try again, in the order in which they came."""
        if not self.taken:
            raise RuntimeError("release unlocked lock")
        self.taken, self.holder = False, None
        if self.waiters:
            self.wake()

    def wake(self) -> None:
        """Those who wait try again: all of them, as any may be killed before its turn."""
        WANTED.pop(self, None)
        while self.waiters:
            self.waiters.popleft()()

    def __exit__(self, *_: object) -> None:
        self.release()

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self.taken

    def _at_fork_reinit(self) -> None:
        self.taken, self.holder = False, None
        self.waiters.clear()

    def _free(self) -> bool:
        """Whether its holder is no more."""
        holder = self.holder
        if holder is None or holder is WORLD.kernel.running:
            return False
        return holder.dead or not holder.process.alive

    def _wait(self, timeout_s: float | None) -> bool:
        if _thread.get_ident() != MAIN:
            return self._wait_really(timeout_s)
        kernel = WORLD.kernel
        if kernel.running is None:
            raise RuntimeError("a lock is held by a process that waits")
        ends_ns = None if timeout_s is None else CLOCK.ns + int(timeout_s * 1e9)
        while self.taken and not self._free():
            wakeup = Wakeup(kernel, kernel.running)
            self.waiters.append(wakeup)
            WANTED[self] = None
            entry = None if ends_ns is None else kernel.at(ends_ns, wakeup.now)
            try:
                kernel.park(wakeup)
            finally:
                wakeup.called = wakeup.fired = True
                if entry is not None:
                    kernel.cancel(entry)
            if ends_ns is not None and ends_ns <= CLOCK.ns and self.taken:
                return False
        return True

    def _wait_really(self, timeout_s: float | None) -> bool:
        ends_s = real_monotonic() + (FOREVER_S if timeout_s is None else timeout_s)
        while self.taken:
            if real_monotonic() >= ends_s:
                return False
            real_sleep(0.001)
        return True


class ReentrantLock(Lock):
    """What `threading.RLock` makes in a simulating process."""

    __slots__ = ("depth",)

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002
        """Take it, or take it once more."""
        running = WORLD.kernel.running if CLOCK.running else None
        if self.taken and self.holder is running:
            self.depth += 1
            return True
        if not self.taken:
            self.taken, self.holder, self.depth = True, running, 1
            return True
        if not super().acquire(blocking, timeout):
            return False
        self.depth = 1
        return True

    __enter__ = acquire

    def release(self) -> None:
        """Give it back as often as it was taken."""
        if not self.taken or self.holder is not (WORLD.kernel.running if CLOCK.running else None):
            raise RuntimeError("cannot release un-acquired lock")
        self.depth -= 1
        if not self.depth:
            self.taken, self.holder = False, None
            if self.waiters:
                self.wake()

    def _is_owned(self) -> bool:
        return self.taken and self.holder is (WORLD.kernel.running if CLOCK.running else None)

    def _release_save(self) -> int:
        depth, self.depth = self.depth, 1
        self.release()
        return depth

    def _acquire_restore(self, depth: int) -> None:
        self.acquire()
        self.depth = depth


told: list[Callable[[str], None]] = []
"""Who is told of threads."""


def orphaned() -> None:
    """Somebody was killed: who waits for a lock that he held goes on."""
    for lock in list(WANTED):
        if lock._free():
            lock.wake()


def install() -> None:
    """Locks that are made from now on are simulated; threads of the app are real, and start without them."""
    module: Any = threading
    module.Lock = module._allocate_lock = Lock
    module.RLock = module._RLock = module._CRLock = ReentrantLock
    start_new_thread = _thread.start_new_thread

    def start(this: Any) -> None:
        for tell in told:
            tell(NOTE)
        module._limbo[this] = this
        start_new_thread(this._bootstrap, ())
        ends_s = real_monotonic() + FOREVER_S
        while not this._started.is_set() and real_monotonic() < ends_s:
            real_sleep(0.0005)

    module.Thread.start = start
