"""The other two paces of time, with the same `advance` as the warp: real time, and a fixed rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.warp.clock import SharedClock

_LOOK_S = 0.02


def _no_wake() -> float | None:
    return None


def _advance(
    now_s: Callable[[], float],
    until: Callable[[], bool],
    within_s: float,
    wake_at_s: Callable[[], float | None],
    rate: float,
    slept: Callable[[float, float], None] = lambda _asked_s, _took_s: None,
) -> bool:
    end_s = now_s() + within_s
    while not until():
        left_s = end_s - now_s()
        if left_s <= 0:
            return False
        wake_s = wake_at_s()
        if wake_s is not None and wake_s > now_s():
            left_s = min(left_s, wake_s - now_s())
        asked_s, began_s = max(0.0, min(_LOOK_S, left_s / rate)), time.monotonic()
        time.sleep(asked_s)
        slept(asked_s, time.monotonic() - began_s)
    return True


@dataclass(slots=True)
class RealTime:
    """``--warp off``: no clock is bent, and a second is a second.

    `bent_s` is by how much the harness itself was woken too late: whoever starves it starves the stage.
    """

    bent_s: float = 0.0

    def advance(
        self,
        until: Callable[[], bool],
        *,
        within_s: float,
        wake_at_s: Callable[[], float | None] = _no_wake,
        real_limit_s: float = 120.0,
    ) -> bool:
        """Wait until `until()` holds, asked every 20 ms; False after `within_s`."""
        return _advance(time.monotonic, until, within_s, wake_at_s, 1.0, self._slept)

    def _slept(self, asked_s: float, took_s: float) -> None:
        self.bent_s = max(self.bent_s, took_s - asked_s)

    def reset(self) -> None:
        """Forget the worst lateness."""
        self.bent_s = 0.0

    def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class FixedRate:
    """Virtual time at a constant `rate` (1 to 60); CPU time counts `rate` times, so timing is coarser."""

    clock: SharedClock
    rate: float = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.rate <= 60:
            raise ValueError(f"a fixed rate is between 1 and 60, but {self.rate:g}")
        self.clock.set_rate(self.rate)

    @property
    def bent_s(self) -> float:
        """The worst lateness since `reset`, in virtual seconds."""
        return self.clock.lateness_s()

    def advance(
        self,
        until: Callable[[], bool],
        *,
        within_s: float,
        wake_at_s: Callable[[], float | None] = _no_wake,
        real_limit_s: float = 120.0,
    ) -> bool:
        """Wait until `until()` holds, asked every 20 real ms; False after `within_s` virtual seconds."""
        return _advance(self.clock.now_s, until, within_s, wake_at_s, self.rate)

    def reset(self) -> None:
        """Forget the worst lateness."""
        self.clock.reset_lateness()

    def close(self) -> None:
        """Back to rate 1."""
        self.clock.set_rate(1.0)
