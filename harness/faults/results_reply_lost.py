"""See `ResultsReplyLost`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import ReplyLost


@dataclass(frozen=True, slots=True)
class ResultsReplyLost(ReplyLost):
    """A command is carried out by the result backend, and its reply is lost with the connection.

    `command` is EXEC, which ends the storing of a result unless it is named; `nth` counts such commands
    from 1, over all connections, from the injection on. `where` is a text that must be in it, or in the
    transaction that it ends: a key, a queue, a task's name.

    Clients may connect again at once. Healed by disarming, whether or not the command has come.
    """

    proxied = "results"
