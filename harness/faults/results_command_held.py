"""See `ResultsCommandHeld`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandHeld


@dataclass(frozen=True, slots=True)
class ResultsCommandHeld(CommandHeld):
    """A command is held before it reaches the result backend, and with it all that follows.

    `command` is EXEC, which ends the storing of a result unless it is named; `nth` counts such commands
    from 1, over all connections, from the injection on. `where` is a text that must be in it, or in the
    transaction that it ends: a key, a queue, a task's name. What is held is what comes on its
    connection. `sender` is client, or server for what the result backend sends by itself.

    Healed by letting all of it go on, in order.
    """

    proxied = "results"
