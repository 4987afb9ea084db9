"""Mistakes to plant into a simulation, from inside: a suite that does not notice them proves nothing."""

from __future__ import annotations

from harness.simulation import amqp, housekeeping


def forget_the_visibility_timeout() -> None:
    """Simulated Redis workers never look for messages that nobody has acknowledged."""
    name = "maybe_restore_messages"
    housekeeping.WAITS[name] = lambda _cycle: housekeeping.LONG_S
    for call in housekeeping.CALLS:
        if call.callback.__name__ == name:
            call.wait = housekeeping.WAITS[name]


def keep_nothing_back() -> None:
    """The simulated RabbitMQ forgets what a lost connection held."""
    amqp.BROKER.give_back = lambda _queue, _message: None
