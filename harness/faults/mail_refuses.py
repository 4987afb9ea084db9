"""See `MailRefuses`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class MailRefuses(Fault):
    """The mail server's port is closed: connections are refused.

    Healed by opening it again.
    """

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.mail.behave("refuse")
            yield
        finally:
            world.mail.behave("accept")
