"""All processes of a stage on one shared virtual clock: hours of backoff in seconds of real time.

`library` finds the preloaded C library, `clock` is the page that the processes share, `controller` moves
it. Times are virtual seconds unless a name says otherwise.
"""

from __future__ import annotations

from harness.warp.clock import SharedClock, Slot
from harness.warp.controller import Warp, WarpStalled
from harness.warp.pace import FixedRate, RealTime

__all__ = ["FixedRate", "RealTime", "SharedClock", "Slot", "Warp", "WarpStalled"]
