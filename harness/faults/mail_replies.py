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

    `code` is the SMTP reply (421 service not available, 450 mailbox busy, 451 local error, 452 no storage,
    550 mailbox unavailable, 552 too much; RFC 5321 section 4.2.3), given at the step `at`: connect, ehlo (and
    HELO), mail, rcpt, data, end (of the mail, which is not kept) or stored (it is kept all the same). After
    421 the server closes the connection. Healed by accepting again.
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
