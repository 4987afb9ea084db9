"""Commands of Redis that wait for data, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.simulation.clock import CLOCK

if TYPE_CHECKING:
    from harness.simulation.stores import StoreSocket


class Blocked:
    """A command that waits for data (``BRPOP``); its timeout is looked at when its owner wakes anyway.

    An answer that nothing came carries no news, and to give it every second would wake every worker
    86,400 times a day.
    """

    def __init__(self, socket: StoreSocket, attempt: Callable[[], Any], timeout_s: float | None) -> None:
        self.socket = socket
        self.attempt = attempt
        self.ends_ns = None if not timeout_s else CLOCK.ns + int(timeout_s * 1e9)

    def look(self) -> None:
        """Try again; the answer goes to the socket."""
        found = self.attempt()
        if found is not None:
            self._finish(found)

    def expire(self) -> None:
        """Say that nothing came, if the time is over."""
        if self.ends_ns is not None and self.ends_ns <= CLOCK.ns:
            self._finish(None)

    def _finish(self, answer: Any) -> None:
        if self in self.socket.store.waiting:
            self.socket.store.waiting.remove(self)
        self.socket.blocked = None
        self.socket.put_response(answer)
        self.socket.catch_up()
