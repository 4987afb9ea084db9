"""See `BrokerHalfOpen`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import HalfOpen


@dataclass(frozen=True, slots=True)
class BrokerHalfOpen(HalfOpen):
    """Every connection to the broker is dead for one side, and the other does not learn it.

    `left` is who has it still: client (the server has restarted behind a NAT that forgets: whatever is
    sent gets no answer) or server (the client is gone, and its consumers stay registered). New
    connections work.

    Healed by resetting what was left.
    """

    proxied = "broker"
