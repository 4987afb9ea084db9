"""See `DatabaseCommandError`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandError


@dataclass(frozen=True, slots=True)
class DatabaseCommandError(CommandError):
    """A command that reaches PostgreSQL is answered with an error, and not carried out.

    `command` is COMMIT unless it is named; `nth` counts such commands from 1, over all connections,
    from the injection on. `where` is a text that must be in it: a key, a queue, a task's name. `error`
    is the answer: an SQLSTATE and words, such as "40001 could not serialize access". `times` such
    commands get it, from the nth on.

    Healed by disarming.
    """

    proxied = "database"
