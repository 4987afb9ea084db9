"""See `BrokerCommandTwice`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandTwice


@dataclass(frozen=True, slots=True)
class BrokerCommandTwice(CommandTwice):
    """A command reaches the broker two times, as if a client had repeated it; the client gets one reply.

    `command` is LPUSH on Redis, basic.publish on RabbitMQ unless it is named; `nth` counts such
    commands from 1, over all connections, from the injection on. `where` is a text that must be in it:
    a key, a queue, a task's name.

    Healed by disarming.
    """

    proxied = "broker"
