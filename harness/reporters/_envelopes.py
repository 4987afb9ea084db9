"""Delays between attempts, promised and observed, tier by tier: the figure that shows a retry policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.contract import Contract, Tier
from harness.history import History
from harness.lives import lives_of

DOTS = 60
"""Observed delays that are drawn for one retry; of more, evenly chosen ones."""
RETRIES = 12
HEIGHT, TOP, BOTTOM, LEFT, STEP = 150, 8, 22, 44, 46


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the scale."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """One retry: the box of its envelope (None where none is promised) and the dots of its delays."""

    number: int
    x: float
    box: tuple[float, float] | None
    dots: tuple[tuple[float, float], ...]
    said: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One tier's retries, ready to be drawn in a view of `width` by `height`."""

    tier: str
    width: float
    height: float
    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    seen: int


def figures(contract: Contract, history: History) -> list[Figure]:
    """A figure for each tier that promises delays or was seen to retry."""
    found = []
    for tier in contract.tiers:
        delays = _observed(contract, tier, history)
        promised = _promised(tier)
        if delays or promised:
            found.append(_figure(tier.name, promised, delays))
    return found


def _observed(contract: Contract, tier: Tier, history: History) -> dict[int, list[float]]:
    """Delays that there were, by the number of the retry."""
    delays: dict[int, list[float]] = {}
    for life in lives_of(contract, tier, history).values():
        for retry in life.retries:
            if retry.observed_s is not None and retry.number <= RETRIES:
                delays.setdefault(retry.number, []).append(retry.observed_s)
    return delays


def _promised(tier: Tier) -> dict[int, tuple[float, float]]:
    """Envelopes that are promised, by the number of the retry."""
    if tier.retry is None or tier.retry.delay is None:
        return {}
    count = min(tier.retry.max_retries or 3, RETRIES)
    return {number: tier.retry.delay.envelope_s(number) for number in range(1, count + 1)}


def _figure(tier: str, promised: dict[int, tuple[float, float]], observed: dict[int, list[float]]) -> Figure:
    numbers = sorted({*promised, *observed})
    shown = [*(high for _, high in promised.values() if math.isfinite(high)), *_flat(observed)]
    low_s = max(0.5, min([*(low for low, _ in promised.values()), *_flat(observed)], default=1.0))
    scale = _Scale(low_s / 1.6, max(shown, default=60.0) * 1.5)
    columns = tuple(
        _column(number, place, promised.get(number), observed.get(number, []), scale)
        for place, number in enumerate(numbers)
    )
    seen = sum(len(each) for each in observed.values())
    width = LEFT + STEP * len(numbers) + 6
    return Figure(tier, width, HEIGHT, columns, tuple(scale.ticks()), seen)


def _column(
    number: int, place: int, promised: tuple[float, float] | None, observed: Sequence[float], scale: _Scale
) -> Column:
    x = LEFT + STEP * (place + 0.5)
    box = None
    if promised is not None:
        top, bottom = scale.y(promised[1]), scale.y(promised[0])
        box = (top - 1.5, bottom - top + 3)
    chosen = sorted(observed)[:: max(1, math.ceil(len(observed) / DOTS))]
    dots = tuple((x + ((index * 7) % 13 - 6) * 1.6, scale.y(delay)) for index, delay in enumerate(chosen))
    said = f"retry {number}: {told(promised)}"
    if observed:
        said += f"; observed {min(observed):.4g} to {max(observed):.4g} s in {len(observed)}"
    return Column(number, x, box, dots, said if observed else f"{said}; none observed")


def told(promised: tuple[float, float] | None) -> str:
    """An envelope in words."""
    return "no delay promised" if promised is None else f"promised {promised[0]:g} to {promised[1]:g} s"


def _flat(observed: dict[int, list[float]]) -> list[float]:
    return [delay for delays in observed.values() for delay in delays]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Seconds to pixels, logarithmic: delays double."""

    low_s: float
    high_s: float

    def y(self, seconds: float) -> float:
        bounded = min(max(seconds, self.low_s), self.high_s)
        share = math.log(bounded / self.low_s) / math.log(self.high_s / self.low_s)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def ticks(self) -> list[Tick]:
        marks = [(1, "1 s"), (10, "10 s"), (60, "1 min"), (300, "5 min"), (1800, "30 min"), (3600, "1 h")]
        marks += [(86400, "1 d")]
        return [Tick(self.y(at), text) for at, text in marks if self.low_s <= at <= self.high_s]
