"""See `CacheBandwidth`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults._proxied import Bandwidth


@dataclass(frozen=True, slots=True)
class CacheBandwidth(Bandwidth):
    """The way to the cache takes only so many bytes a second, in each direction of each connection.

    `bytes_per_s`, in seconds of the stage's clock.

    Healed by going at full speed; what is under way arrives at once.
    """

    proxied = "cache"
