"""All processes of a stage on one shared virtual clock: hours of backoff in seconds of real time.

`library` finds the preloaded C library, `clock` is the page that the processes share, `controller` moves
it. Times are virtual seconds unless a name says otherwise.

Known limits. ``SO_RCVTIMEO``, ``SO_SNDTIMEO`` and ``timer_create`` do not notice jumps; libc's own waits
(name resolution) and programs without libc (static ones) live in real time. A server's timers are passive:
what only it waits for comes late by a jump, `Warp.longest_jump_s` at most, unless `Warp.precise_s` names the
moment. AMQP heartbeats must be off. An answer from a process that is not under the roots, or one that Nagle's
algorithm holds back, does not hold time back. File times and CPU time are real.
"""

from __future__ import annotations

from harness.warp.clock import SharedClock, Slot
from harness.warp.controller import Warp, WarpStalled
from harness.warp.pace import FixedRate, RealTime

__all__ = ["FixedRate", "RealTime", "SharedClock", "Slot", "Warp", "WarpStalled"]
