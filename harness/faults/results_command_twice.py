"""See `ResultsCommandTwice`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandTwice


@dataclass(frozen=True, slots=True)
class ResultsCommandTwice(CommandTwice):
    """A command reaches the result backend two times, as if a client had repeated it; it gets one reply.

    `command` is EXEC, which ends the storing of a result unless it is named; `nth` counts such commands
    from 1, over all connections, from the injection on. `where` is a text that must be in it, or in the
    transaction that it ends: a key, a queue, a task's name. EXEC takes all from its MULTI on with it: a
    result is stored, and told of, two times (`celery/backends/redis.py: _set`). A single command of a
    transaction is not repeated, nor a transaction that watches a key.

    Healed by disarming.
    """

    proxied = "results"
