"""See `MailHangs`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class MailHangs(Fault):
    """The mail server accepts the connection and then says nothing more.

    It falls silent at the step `at`: connect, ehlo, mail, rcpt, data, middle (of the mail), end (before it is
    kept) or stored (when it is kept). Clients without a timeout wait for ever (`smtplib` has none by
    default). Healed for new connections; those that hang go on hanging.
    """

    at: str = "connect"

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.mail.behave("hang", at=self.at)
            yield
        finally:
            world.mail.behave("accept")
