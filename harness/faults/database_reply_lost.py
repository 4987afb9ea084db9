"""See `DatabaseReplyLost`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import ReplyLost


@dataclass(frozen=True, slots=True)
class DatabaseReplyLost(ReplyLost):
    """A command is carried out by PostgreSQL, and its reply is lost with the connection.

    `command` is COMMIT unless it is named; `nth` counts such commands from 1, over all connections,
    from the injection on. `where` is a text that must be in it: a key, a queue, a task's name.

    Clients may connect again at once. Healed by disarming, whether or not the command has come.
    """

    proxied = "database"
