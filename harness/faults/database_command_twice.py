"""See `DatabaseCommandTwice`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandTwice


@dataclass(frozen=True, slots=True)
class DatabaseCommandTwice(CommandTwice):
    """A statement reaches PostgreSQL two times, as if a client had repeated it; the client gets one reply.

    `command` is INSERT unless it is named; `nth` counts such statements from 1, over all connections,
    from the injection on. `where` is a text that must be in it: a table, a value. Where the second one
    fails the transaction that it is in, its client is told so. COPY is not repeated, nor a statement
    that is prepared under a name.

    Healed by disarming.
    """

    proxied = "database"

    command: str | None = "INSERT"
