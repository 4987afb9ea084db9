"""See `DatabaseCommandHeld`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandHeld


@dataclass(frozen=True, slots=True)
class DatabaseCommandHeld(CommandHeld):
    """A command is held before it reaches PostgreSQL, and with it all that follows on its connection.

    `command` is COMMIT unless it is named; `nth` counts such commands from 1, over all connections,
    from the injection on. `where` is a text that must be in it: a key, a queue, a task's name. `sender`
    is client, or server for what PostgreSQL sends by itself.

    Healed by letting all of it go on, in order.
    """

    proxied = "database"
