"""What can be waited for: ends of simulated connections, by number, and the poller that waits for several."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from harness.simulation.clock import CLOCK
from harness.simulation.kernel import Kernel, Process, Wakeup

READ = 0x001
"""`kombu.utils.eventio.READ`; kombu itself is imported later, when locks are simulated."""
FIRST_NUMBER = 100_000
"""No real descriptor has such a number, so that a mistake is an error and not somebody else's file."""


class World:
    """What all parts of a simulating process share; there is one kernel at a time."""

    kernel: Kernel = Kernel.__new__(Kernel)


WORLD = World()


class Descriptor:
    """One end of a simulated connection, owned by the process that opened it."""

    table: dict[int, Descriptor] = {}  # noqa: RUF012 - one table a simulating process, as in a real one
    numbers = itertools.count(FIRST_NUMBER)

    def __init__(self) -> None:
        self.number = next(self.numbers)
        self.table[self.number] = self
        self.waiters: list[Callable[[], None]] = []
        self.owner: Process = WORLD.kernel.current
        self.owner.sockets.append(self)

    def fileno(self) -> int:
        """The number by which pollers know it."""
        return self.number

    def readable(self) -> bool:
        """Whether reading would not wait."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """The process is gone: what the operating system does to what it had open."""
        self.forget()

    def forget(self) -> None:
        """The number is free."""
        self.table.pop(self.number, None)
        if self in self.owner.sockets:
            self.owner.sockets.remove(self)

    def notify(self) -> None:
        """Something may have become readable."""
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            waiter()

    def wait(self, timeout_s: float | None) -> bool:
        """Wait until it is readable; False when the time ran out, or when there is nobody who could wait."""
        if self.readable():
            return True
        wait_for([self], timeout_s)
        return self.readable()


def wait_for(descriptors: list[Descriptor], timeout_s: float | None, *, interruptible: bool = False) -> bool:
    """Wait until one of them is notified or the time is over; whether a signal handler ended it instead."""
    kernel = WORLD.kernel
    strand = kernel.running
    if strand is None:
        raise RuntimeError("only a simulated process can wait")
    wakeup = Wakeup(kernel, strand, interruptible=interruptible)
    for descriptor in descriptors:
        descriptor.waiters.append(wakeup)
    entry = None if timeout_s is None else kernel.after(timeout_s, wakeup.now)
    try:
        kernel.park(wakeup)
        return not wakeup.fired
    finally:
        wakeup.called = wakeup.fired = True
        if entry is not None:
            kernel.cancel(entry)
        for descriptor in descriptors:
            if wakeup in descriptor.waiters:
                descriptor.waiters.remove(wakeup)


class Poller:
    """Stands in for ``kombu.utils.eventio.poll()``: numbers in, (number, READ) out, in order."""

    def __init__(self) -> None:
        self.registered: dict[int, int] = {}
        self.until: Callable[[], float | None] | None = None
        """Tells when the owner wants to be woken, instead of the timeout that it gives."""

    def register(self, descriptor: Any, flags: int) -> None:
        """Watch a descriptor, given by itself or by number."""
        self.registered[_number(descriptor)] = flags

    def unregister(self, descriptor: Any) -> None:
        """Watch it no more; `KeyError` where it was not watched."""
        del self.registered[_number(descriptor)]

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """What is readable, after waiting for up to `timeout` seconds where nothing is."""
        ready = self._ready()
        if ready or timeout == 0:
            return ready
        given, began_s = timeout, CLOCK.now_s()
        if self.until is not None:
            timeout = self.until()
            if timeout is not None and timeout <= 0:
                return []
        watched = [Descriptor.table[n] for n in self.registered if n in Descriptor.table]
        if wait_for(watched, timeout, interruptible=True) and not self._ready() and given:
            # After a signal handler Python's poll goes on until the timeout that it was given (PEP 475).
            rest_s, due_s = given - (CLOCK.now_s() - began_s) % given, self.until() if self.until else None
            wait_for(watched, rest_s if due_s is None else min(rest_s, due_s))
        return self._ready()

    def close(self) -> None:
        """Watch nothing."""
        self.registered.clear()

    def _ready(self) -> list[tuple[int, int]]:
        table = Descriptor.table
        return [(n, READ) for n in list(self.registered) if n in table and table[n].readable()]


def _number(descriptor: Any) -> int:
    return descriptor if isinstance(descriptor, int) else int(descriptor.fileno())
