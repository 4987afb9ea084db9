"""See `CacheCommandTwice`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandTwice


@dataclass(frozen=True, slots=True)
class CacheCommandTwice(CommandTwice):
    """A command reaches the cache two times, as if a client had repeated it; the client gets one reply.

    `command` is SET, which takes a lock unless it is named; `nth` counts such commands from 1, over all
    connections, from the injection on. `where` is a text that must be in it: a key, a queue, a task's
    name. A lock is taken once all the same, a counter counts double. Of a transaction EXEC is what can
    be repeated, and with it all from MULTI on.

    Healed by disarming.
    """

    proxied = "cache"
