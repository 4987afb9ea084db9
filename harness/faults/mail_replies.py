"""See `MailReplies`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class MailReplies(Fault):
    """The mail server answers with an error.

    `code` is the SMTP reply (421 service not available, 451 local error, 550 mailbox unavailable; RFC 5321
    section 4.2.3), given at the step `at`: connect, ehlo, mail, rcpt or data (at its end). After 421 the
    server closes the connection. Healed by accepting again.
    """

    code: int = 451
    at: str = "rcpt"

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        try:
            world.mail.behave("reply", code=self.code, at=self.at)
            yield
        finally:
            world.mail.behave("accept")
