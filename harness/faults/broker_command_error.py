"""See `BrokerCommandError`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import CommandError


@dataclass(frozen=True, slots=True)
class BrokerCommandError(CommandError):
    """A command that reaches the broker is answered with an error, and not carried out.

    `command` is LPUSH on Redis, basic.publish on RabbitMQ unless it is named; `nth` counts such
    commands from 1, over all connections, from the injection on. `where` is a text that must be in it:
    a key, a queue, a task's name. `error` is the answer: "OOM command not allowed" on Redis; "406
    PRECONDITION_FAILED" or "320 CONNECTION_FORCED" on RabbitMQ, where the code decides whether channel
    or connection is closed. `times` such commands get it, from the nth on.

    Healed by disarming.
    """

    proxied = "broker"
