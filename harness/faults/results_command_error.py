"""See `ResultsCommandError`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandError


@dataclass(frozen=True, slots=True)
class ResultsCommandError(CommandError):
    """A command that reaches the result backend is answered with an error, and not carried out.

    `command` is EXEC, which ends the storing of a result unless it is named; `nth` counts such commands
    from 1, over all connections, from the injection on. `where` is a text that must be in it, or in the
    transaction that it ends: a key, a queue, a task's name. `error` is the answer, such as "OOM command
    not allowed". `times` such commands get it, from the nth on.

    Healed by disarming.
    """

    proxied = "results"
