"""Whether delays are spread as chance would spread them, at odds so long that many runs in a row agree.

What is asked is how often true jitter would look at least so odd. Celery draws whole seconds
(`celery/utils/time.py:get_exponential_backoff_interval`), others draw fractions or round them: of these
the answer that favours the app is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ALPHA = 3e-8
"""Odds that one test calls true jitter false: three tests a tier, the fourth at a tenth of it for each
retry, and a handful of tiers, make less than one false alarm in a million runs."""

LEAST = 8
"""Delays of which it is said at all that they are spread."""

SAME_SHARE = 0.1
"""Delays of one retry that are all within this share of their envelope look like one and the same delay."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One delay: before which retry, by how much it is above its shortest, and by how much it could be."""

    number: int
    above_s: float
    span_s: float

    @property
    def share(self) -> float:
        """0 for the shortest delay of the envelope, 1 for the longest."""
        return min(1.0, max(0.0, self.above_s / self.span_s))


def unlike_chance(draws: Sequence[Draw]) -> str | None:
    """What is odd about these delays, if true jitter gives that less than once in a million runs."""
    groups = _groups(draws)
    same = [number for number, group in groups.items() if _is_same(group)]
    odd = [number for number in same if _odds_of_same(groups[number]) <= ALPHA / 10]
    if not odd and len(same) == len(groups) and _odds_of_all_same(groups.values()) <= ALPHA / 10:
        odd = same
    if odd:
        return f"retry {odd[0]} always after the same time"
    shares = [draw.share for draw in draws]
    distance = distance_from_uniform(shares)
    if distance > _farthest(draws):
        return f"unevenly spread ({distance:.2f})"
    if math.prod(min(1.0, 1 - min(shares) + 1 / draw.span_s) for draw in draws) <= ALPHA:
        return f"never in the first {min(shares):.0%} of the envelope"
    if math.prod(min(1.0, max(shares) + 1 / draw.span_s) for draw in draws) <= ALPHA:
        return f"never in the last {1 - max(shares):.0%} of the envelope"
    return None


def can_tell(draws: Sequence[Draw]) -> bool:
    """Whether these delays tell jitter from none: they differ, or chance would have made them differ.

    A jitter of a second, drawn in whole seconds, may give the same delay every time.
    """
    groups = _groups(draws).values()
    if len(draws) >= LEAST and not all(_is_same(group) for group in groups):
        return True
    return _odds_of_all_same(groups) <= ALPHA / 10 or any(_odds_of_same(g) <= ALPHA / 10 for g in groups)


def distance_from_uniform(shares: Sequence[float]) -> float:
    """The statistic of Kolmogorov and Smirnov: the largest distance of the sample from uniform on [0, 1]."""
    size = len(shares)
    steps = enumerate(sorted(shares))
    return max((max((place + 1) / size - share, share - place / size) for place, share in steps), default=0.0)


def _farthest(draws: Sequence[Draw]) -> float:
    """The distance that true jitter exceeds with odds `ALPHA`, rounding allowed for.

    By the inequality of Dvoretzky, Kiefer and Wolfowitz in the form of Bretagnolle (1980), which holds
    for every size of a sample, also where the draws are rounded each in its own way.
    """
    rounding = sum(min(1.0, 1 / draw.span_s) for draw in draws) / len(draws)
    return math.sqrt(math.log(2 * math.e / ALPHA) / (2 * len(draws))) + rounding


def _groups(draws: Sequence[Draw]) -> dict[int, list[Draw]]:
    groups: dict[int, list[Draw]] = {}
    for draw in draws:
        groups.setdefault(draw.number, []).append(draw)
    return groups


def _is_same(group: Sequence[Draw]) -> bool:
    shares = [draw.share for draw in group]
    return max(shares) - min(shares) < SAME_SHARE


def _odds_of_same(group: Sequence[Draw]) -> float:
    """How often a true jitter keeps all of a retry's delays within `SAME_SHARE` of their envelope."""
    size, span_s = len(group), group[0].span_s
    fractions = size * SAME_SHARE ** (size - 1) - (size - 1) * SAME_SHARE**size
    # Whole seconds, `values` of them at the least, and so many next to each other look the same.
    values = max(1, math.floor(span_s))
    alike = min(values, math.floor(SAME_SHARE * span_s) + 1)
    whole = min((values - alike + 1) * (alike / values) ** size, size * (alike / values) ** (size - 1))
    return min(1.0, max(fractions, whole))


def _odds_of_all_same(groups: Iterable[Sequence[Draw]]) -> float:
    return math.prod(_odds_of_same(group) for group in groups)
