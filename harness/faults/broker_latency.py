"""See `BrokerLatency`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import Latency


@dataclass(frozen=True, slots=True)
class BrokerLatency(Latency):
    """Everything between app and the broker takes time, in each direction.

    `latency_s` seconds, and up to `jitter_s` more at random; the order stays. In seconds of the stage's
    clock.

    Healed by going at full speed; what is under way arrives at once.
    """

    proxied = "broker"
