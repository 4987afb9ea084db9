"""See `CacheCommandCut`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandCut


@dataclass(frozen=True, slots=True)
class CacheCommandCut(CommandCut):
    """The connection to the cache is reset at a command, which has then not arrived, or arrived.

    `command` is SET, which takes a lock unless it is named; `nth` counts such commands from 1, over all
    connections, from the injection on. `where` is a text that must be in it: a key, a queue, a task's
    name. It has not arrived, or with `after` it has, and its reply never will. `sender` is client, or
    server for what the cache sends by itself.

    Clients may connect again at once. Healed by disarming, whether or not the command has come.
    """

    proxied = "cache"
