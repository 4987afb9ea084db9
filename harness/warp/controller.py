"""Idle warp: time runs at rate 1 while anybody works, and jumps when everybody sleeps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from harness.errors import DeadlineExceeded
from harness.warp.census import Census
from harness.warp.clock import Kind, SharedClock, Slot

BENT_LIMIT_S = 0.5
"""Above this `Warp.bent_s`, a caller should call the run's timing unknown."""

_SECOND_NS = 1_000_000_000
# Python and the servers round a timeout up to whole milliseconds, so the wait for a known moment ends a
# little after it; one jump takes both.
_PRECISE_SLACK_NS = 20_000_000
# A due thread that blocks signals looks again after its slice, 50 ms at most (wait.h).
_DUE_PATIENCE_S = 0.25
# Above this slack a jump does not look for the last deadline: event loops that look every second are
# passed over, and go on together.
_COARSE_S = 2.0
# Calls of `until` while something works without end.
_BUSY_LOOK_S = 0.1


class WarpStalled(DeadlineExceeded):
    """Somebody kept working, in real time, so that virtual time could not jump."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """Virtual nanoseconds that no jump passes."""

    end_ns: int
    cap_ns: int
    """The end, or the harness's own next wake-up."""
    precise_ns: int | None
    """The next moment that somebody named."""


def _no_wake() -> float | None:
    return None


def _nothing_precise() -> Iterable[float]:
    return ()


@dataclass(slots=True)
class Warp:
    """Moves the clock of all processes under `roots` (process ids, each started in a session of its own).

    `slack_s`: a jump takes along every deadline of an event loop that lies within this of the first one,
    so workers' housekeeping falls into step; sleeps and kernel timers are never passed. `longest_jump_s`:
    how late a server's own timers (message TTL in RabbitMQ) may come. `precise_s`: virtual seconds that no
    jump passes by more than 20 ms, such as the known ETAs and time limits. Threads of the calling process,
    except the caller, count as part of the stage (a mail server in the harness).

    After `advance`, a caller compares `bent_s` with `BENT_LIMIT_S`: above it, the machine was so starved
    that the timing of this run says nothing, whatever the order of events.
    """

    clock: SharedClock
    roots: Callable[[], Iterable[int]]
    slack_s: float = 1.0
    longest_jump_s: float = 10.0
    precise_s: Callable[[], Iterable[float]] = _nothing_precise
    stuck_limit_s: float = 600.0
    """Real seconds without a jump, in all calls of `advance` together, after which it is `WarpStalled`."""
    jumps: int = 0
    _census: Census = field(init=False)
    _stuck_s: float = 0.0
    """Real seconds that somebody worked since the last jump, in all calls of `advance`."""
    _due_since: dict[tuple[int, int, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._census = Census(self.clock, self.roots)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the watched files back."""
        self._census.close()

    @property
    def bent_s(self) -> float:
        """The worst lateness since `reset`, in virtual seconds."""
        return self.clock.lateness_s()

    def reset(self) -> None:
        """Forget the worst lateness: after boot, and after a fault that stops processes on purpose."""
        self.clock.reset_lateness()

    def advance(
        self,
        until: Callable[[], bool],
        *,
        within_s: float,
        wake_at_s: Callable[[], float | None] = _no_wake,
        real_limit_s: float = 120.0,
    ) -> bool:
        """Let virtual time pass until `until()` holds; False at the virtual deadline.

        `until` is called at the start, whenever everybody sleeps, and ten times a real second while
        somebody works. `wake_at_s` is the absolute virtual second at which the harness wants `until` called
        next. Raises `WarpStalled` after `real_limit_s` without a jump, or `stuck_limit_s` over several calls.
        """
        if until():
            return True
        end_ns = self.clock.now_ns() + round(within_s * _SECOND_NS)
        last_jump_s = time.monotonic()
        working = os.getpid()
        while True:
            began_s = time.monotonic()
            busy = self._settle(_BUSY_LOOK_S)
            if busy is not None and busy != os.getpid():  # ours stands for somebody who has just begun
                working = busy
            asked_ns = self.clock.now_ns()
            if until():
                return True
            if asked_ns >= end_ns:
                return False
            if busy is None:
                if self._jump(self._limits(end_ns, wake_at_s(), asked_ns)):
                    last_jump_s, self._stuck_s = time.monotonic(), 0.0
                continue
            self._stuck_s += time.monotonic() - began_s
            if time.monotonic() - last_jump_s > real_limit_s:
                raise self._stalled(working, real_limit_s)
            if self._stuck_s > self.stuck_limit_s:
                raise self._stalled(working, self._stuck_s)

    def _stalled(self, busy: int, real_limit_s: float) -> WarpStalled:
        return WarpStalled(
            f"Virtual time could not jump for {real_limit_s:g} real s, because somebody kept working: "
            f"{self._census.describe(busy)}.",
            remedy="Give it less to do, or run with a fixed rate or --warp off.",
        )

    def _settle(self, patience_s: float) -> int | None:
        """Wait until everybody sleeps and nobody is due; None then, else the id of one who is not."""
        deadline_s = time.monotonic() + patience_s
        while True:
            busy = self._census.wait_quiet(max(0.0, deadline_s - time.monotonic()))
            if busy is None:
                busy = self._wake_due()
                if busy is None:
                    return None
                time.sleep(0.0002)
            if time.monotonic() > deadline_s:
                # The kernel does not know of jumps, and a busy process may wait for its alarm.
                self._wake_due()
                return busy

    def _wake_due(self) -> int | None:
        """Wake whoever's time has come; the id of one of them, or None when nobody can go on."""
        now_ns, now_s = self.clock.now_ns(), time.monotonic()
        due_since: dict[tuple[int, int, int], float] = {}
        waited_for = None
        for slot in self.clock.slots():
            if slot.deadline_ns > now_ns or slot.tid not in self._census:
                continue
            key = (slot.index, slot.tid, slot.deadline_ns)
            due_since[key] = self._due_since.get(key, now_s)
            if key not in self._due_since:
                self.clock.wake(slot)
            if not self._census.is_stopped(slot.tid) and now_s - due_since[key] < _DUE_PATIENCE_S:
                waited_for = slot.tid
        self._due_since = due_since
        return waited_for

    def _limits(self, end_ns: int, wake_at_s: float | None, asked_ns: int) -> _Limits:
        """`asked_ns` is when `until` was last called: a wake-up before that has been given."""
        cap_ns = end_ns
        if wake_at_s is not None and (wake_ns := round(wake_at_s * _SECOND_NS)) > asked_ns:
            cap_ns = min(end_ns, wake_ns)
        now_ns = self.clock.now_ns()
        coming = [ns for s in self.precise_s() if (ns := round(s * _SECOND_NS)) > now_ns]
        return _Limits(end_ns, cap_ns, min(coming, default=None))

    def _jump(self, limits: _Limits) -> bool:
        """Jump to where somebody goes on, if that is ahead, and wake him.

        Not if anybody had a turn since all were found asleep: `until` may have set something going.
        """
        now_ns, slots = self.clock.now_ns(), self._census.slots
        target_ns = min(self._target_ns(slots, now_ns, limits.precise_ns), limits.cap_ns)
        if target_ns <= now_ns or not self._census.still_quiet():
            return False
        self._note_overtaken(slots, now_ns)
        self.clock.jump(target_ns - now_ns + 1000, rearm_timers=False)
        self.jumps += 1
        return True

    def _target_ns(self, slots: list[Slot], now_ns: int, precise_ns: int | None) -> int:
        slack_ns = round(self.slack_s * _SECOND_NS)
        far_ns = now_ns + round(self.longest_jump_s * _SECOND_NS)
        ahead = [
            s
            for s in slots
            if s.deadline_ns > now_ns and not s.passive and not self._census.is_stopped(s.tid)
        ]
        # Nobody waits for a time of his own: only a server's timer can wake somebody, so in small steps.
        first_ns = min((s.deadline_ns for s in ahead), default=now_ns + slack_ns)
        last_ns = first_ns + slack_ns
        sleeps_ns = [s.deadline_ns for s in ahead if s.kind is not Kind.LOOP]
        last_ns = min([last_ns, *sleeps_ns])
        if precise_ns is not None:
            if first_ns > precise_ns + _PRECISE_SLACK_NS:
                return min(precise_ns, far_ns)
            last_ns = min(last_ns, precise_ns + _PRECISE_SLACK_NS)
        if not ahead or self.slack_s > _COARSE_S:
            return min(last_ns, far_ns)
        return min(max(s.deadline_ns for s in ahead if s.deadline_ns <= last_ns), far_ns)

    def _note_overtaken(self, slots: list[Slot], now_ns: int) -> None:
        """A live thread that was due before this jump and has still not gone on makes the clock bent."""
        for slot in slots:
            late = slot.deadline_ns < now_ns and slot.kind is not Kind.TIMER and not slot.passive
            if late and not self._census.is_stopped(slot.tid):
                self.clock.note_lateness(now_ns - slot.deadline_ns)
