"""See `MailDrops`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class MailDrops(Fault):
    """The mail server resets the connection (RST), by default in the middle of DATA.

    `at` is the step: connect, ehlo, mail, rcpt, data, middle (of the mail), end (before it is kept) or stored
    (when it is kept, and the client never learns it). Healed for new connections.
    """

    at: str = "middle"

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.mail.behave("drop", at=self.at)
            yield
        finally:
            world.mail.behave("accept")
