"""True jitter passes for chance, whatever draws and rounds it; what always waits as long does not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from harness.checkers._chance import Draw, can_tell, unlike_chance

LADDERS = ([30.0, 60.0, 120.0, 240.0, 300.0], [60.0, 120.0, 240.0], [2.0, 4.0, 8.0], [5.0], [1.0])
DRAWN: dict[str, Callable[[random.Random, float, float], float]] = {
    "fractions": lambda chance, low, high: chance.uniform(low, high),
    "celery": lambda chance, low, high: math.ceil(low) + float(chance.randrange(int(high - low) + 1)),
    "rounded down": lambda chance, low, high: float(math.floor(chance.uniform(low, high))),
    "rounded up": lambda chance, low, high: float(math.ceil(chance.uniform(low, high))),
}


def draws(ladder: list[float], low: float, drawn: Callable[[float, float], float]) -> list[Draw]:
    """Twelve tasks that climb a ladder of delays between low and high."""
    return [
        Draw(number, drawn(low * high, high) - low * high, high - low * high)
        for number, high in enumerate(ladder, start=1)
        for _ in range(12)
    ]


@pytest.mark.parametrize("how", DRAWN)
@pytest.mark.parametrize("low", [0.0, 0.5])
@pytest.mark.parametrize("ladder", LADDERS, ids=str)
def test_true_jitter_passes(ladder: list[float], low: float, how: str) -> None:
    chance = random.Random(7)
    for _ in range(200):
        assert unlike_chance(draws(ladder, low, lambda a, b: DRAWN[how](chance, a, b))) is None


@pytest.mark.parametrize("share", [0.0, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("low", [0.0, 0.5])
@pytest.mark.parametrize("ladder", LADDERS, ids=str)
def test_one_and_the_same_delay_is_told_from_jitter_or_nothing_is_said(
    ladder: list[float], low: float, share: float
) -> None:
    same = draws(ladder, low, lambda a, b: a + share * (b - a))
    assert unlike_chance(same) is not None or not can_tell(same)


@pytest.mark.parametrize("ladder", LADDERS[:2], ids=str)
def test_half_of_the_envelope_is_not_the_whole(ladder: list[float]) -> None:
    chance = random.Random(7)
    assert unlike_chance(draws(ladder, 0.0, lambda _, d: chance.uniform(0.5 * d, d))) is not None
    assert unlike_chance(draws(ladder, 0.0, lambda _, d: chance.uniform(0.0, 0.5 * d))) is not None
