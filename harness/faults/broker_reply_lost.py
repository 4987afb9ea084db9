"""See `BrokerReplyLost`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import ReplyLost


@dataclass(frozen=True, slots=True)
class BrokerReplyLost(ReplyLost):
    """A command is carried out by the broker, and its reply is lost with the connection.

    `command` is LPUSH on Redis, basic.publish on RabbitMQ unless it is named; `nth` counts such
    commands from 1, over all connections, from the injection on. `where` is a text that must be in it:
    a key, a queue, a task's name. On RabbitMQ a publish has a reply only where it is confirmed
    (`confirm_publish`).

    Clients may connect again at once. Healed by disarming, whether or not the command has come.
    """

    proxied = "broker"
