"""``select.poll`` for who waits on the socket of a simulated connection by its number, and asyncio's timers.

Celery's Redis backend does so while it waits for a result (`celery/backends/redis.py`, `_socket_readable`).
The operating system knows no such number and would call it readable at once, again and again. An event loop
of asyncio waits for its next timer in a selector (`asyncio/base_events.py`, `_run_once`): in real time a
moment of virtual time would never come.
"""

from __future__ import annotations

import select
import selectors
from typing import Any

from harness.simulation.clock import CLOCK
from harness.simulation.descriptors import FIRST_NUMBER, WORLD, Descriptor, Poller

REAL = select.poll


class SystemPoller:
    """Polls simulated connections in virtual time, and anything else as ever."""

    def __init__(self) -> None:
        self.real: Any = None
        self.simulated = Poller()

    def register(self, descriptor: Any, eventmask: int = select.POLLIN) -> None:
        """Watch a descriptor."""
        number = descriptor if isinstance(descriptor, int) else int(descriptor.fileno())
        if number >= FIRST_NUMBER:
            self.simulated.register(number, eventmask)
        else:
            self._poll().register(number, eventmask)

    modify = register

    def unregister(self, descriptor: Any) -> None:
        """Watch it no more; `KeyError` where it was not watched."""
        number = descriptor if isinstance(descriptor, int) else int(descriptor.fileno())
        (self.simulated if number >= FIRST_NUMBER else self._poll()).unregister(number)

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """What is ready, after waiting for up to `timeout` milliseconds; a closed number is ready at once."""
        watched = self.simulated.registered
        if not watched:
            return list(self._poll().poll(timeout))
        gone = [(number, int(select.POLLNVAL)) for number in watched if number not in Descriptor.table]
        if gone:
            return gone
        seconds = None if timeout is None or timeout < 0 else timeout / 1000
        return [(number, int(select.POLLIN)) for number, _ in self.simulated.poll(seconds)]

    def _poll(self) -> Any:
        if self.real is None:
            self.real = REAL()
        return self.real


def install() -> None:
    """For whoever asks for a poller from now on."""
    module: Any = select
    module.poll = SystemPoller
    _selectors()


def _selectors() -> None:
    """A selector with a timeout waits in virtual time, unless something is ready."""
    kind: Any = selectors.DefaultSelector
    original = kind.select

    def wait(this: Any, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0 or WORLD.kernel.running is None:
            return original(this, timeout)
        ready = original(this, 0)
        if not ready:
            CLOCK.sleep(timeout)
            ready = original(this, 0)
        return ready

    kind.select = wait
