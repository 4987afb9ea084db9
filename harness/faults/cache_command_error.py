"""See `CacheCommandError`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandError


@dataclass(frozen=True, slots=True)
class CacheCommandError(CommandError):
    """A command that reaches the cache is answered with an error, and not carried out.

    `command` is SET, which takes a lock unless it is named; `nth` counts such commands from 1, over all
    connections, from the injection on. `where` is a text that must be in it: a key, a queue, a task's
    name. `error` is the answer, such as "OOM command not allowed". `times` such commands get it, from
    the nth on.

    Healed by disarming.
    """

    proxied = "cache"
