"""What differs between the guarantees of two revisions: weakened, strengthened, neutral, or not to be told.

Pure. Promises are compared by what they are worth to whoever relies on them: fewer retries, a later alert or
a class of failures that is no longer retried weaken; another queue or delay is neutral while it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.guarantees import FAMILIES, Guarantees


class Kind(StrEnum):
    """What a difference means; only the first fails a build by itself."""

    WEAKENED = "weakened"
    UNKNOWN = "unknown"
    STRENGTHENED = "strengthened"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs; `part` is ``promises``, ``guarantees`` or ``facts``, `of` a tier or a task."""

    kind: Kind
    part: str
    of: str
    name: str
    before: Any
    after: Any

    @property
    def text(self) -> str:
        """``retry_cap of critical: kept, now broken``."""
        return f"{self.name} of {self.of}: {shown(self.before)}, now {shown(self.after)}"


OUTCOMES = ("broken", "unknown", "kept")
LESS_IS_WEAKER = frozenset({"retry.max_retries", "result.expires_s", "result.failure_expires_s"})
MORE_IS_WEAKER = frozenset(
    {
        "dead_letter.within_s", "alert.within_s", "effect.at_most", "limits.hard_s", "limits.soft_s",
        "limits.rate", "loss.redelivered_at_most", "loss.within_s", "result.compression_from_bytes",
    }
)  # fmt: skip
FACTS = {
    "loss": (
        "lost",
        "runs again, no end",
        "runs again, failed",
        "never started",
        "ends at once",
        "runs again",
    ),
    "poison": ("not braked", "never started"),
    "retried": ("not tried again", "never started", "tried again"),
}
"""What may become of a task, the worst first; what is not listed is better than all that is."""


def compare(before: Guarantees, after: Guarantees) -> list[Difference]:
    """Every difference, the worst first; of experiments that did not run for `after` nothing is said."""
    found = [
        *_promises(before.promises, after.promises),
        *_outcomes(before, after),
        *_facts(before, after),
    ]
    rank = {kind: place for place, kind in enumerate(Kind)}
    parts = ("guarantees", "promises", "facts")
    return sorted(found, key=lambda each: (rank[each.kind], parts.index(each.part), each.of, each.name))


def shown(value: Any) -> str:
    """A value for people; ``nothing`` for None."""
    if value is None:
        return "nothing"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _promises(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[Difference]:
    for tier in sorted({*before, *after}):
        old, new = before.get(tier, {}), after.get(tier, {})
        for name in sorted({*old, *new}):
            was, now = old.get(name), new.get(name)
            if not _same(was, now):
                yield Difference(promise_kind(name, was, now), "promises", tier, name, was, now)


def promise_kind(name: str, was: Any, now: Any) -> Kind:
    """What a change of one promise means (names as in the contract: ``retry.max_retries``)."""
    if now is None:
        return Kind.NEUTRAL if name == "queue" else Kind.WEAKENED
    if was is None:
        return Kind.STRENGTHENED
    if name in ("tasks", "queue", "urgency"):
        return Kind.NEUTRAL
    if isinstance(was, list | tuple) and isinstance(now, list | tuple):
        return _sets(was, now)
    if name in LESS_IS_WEAKER | MORE_IS_WEAKER:
        less = _size(now) < _size(was)
        return Kind.WEAKENED if less == (name in LESS_IS_WEAKER) else Kind.STRENGTHENED
    return Kind.NEUTRAL


def _sets(was: Sequence[Any], now: Sequence[Any]) -> Kind:
    if set(was) - set(now):
        return Kind.WEAKENED
    return Kind.STRENGTHENED if set(now) - set(was) else Kind.NEUTRAL


def _size(value: Any) -> float:
    """A number, or a rate in runs a second (``200/m``)."""
    if isinstance(value, int | float):
        return float(value)
    count, _, unit = str(value).partition("/")
    return float(count) / {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}[unit]


def _outcomes(before: Guarantees, after: Guarantees) -> Iterator[Difference]:
    """A guarantee that is no longer promised is told by its promise; one that was not judged is not told."""
    for tier, now in after.outcomes.items():
        old = before.outcomes.get(tier, {})
        for name, outcome in now.items():
            was = old.get(name)
            if was != outcome:
                yield Difference(_outcome_kind(was, outcome), "guarantees", tier, name, was, outcome)


def _outcome_kind(was: str | None, now: str) -> Kind:
    if now == "unknown":
        return Kind.NEUTRAL if was == "broken" else Kind.UNKNOWN
    if now == "broken":
        return Kind.WEAKENED
    return Kind.STRENGTHENED


def _facts(before: Guarantees, after: Guarantees) -> Iterator[Difference]:
    for task in sorted({*before.facts, *after.facts}):
        if task not in after.tiers:
            yield Difference(Kind.NEUTRAL, "facts", task, "task", "there", None)
            continue
        old, new = before.facts.get(task, {}), after.facts.get(task, {})
        unwanted = after.promises.get(after.tiers[task], {}).get("retry.not_on") or ()
        for name in sorted({*old, *new}):
            was, now = old.get(name), new.get(name)
            if not _same(was, now) and (now is not None or _ran(after, name, task)) and task in before.facts:
                yield Difference(fact_kind(name, was, now, unwanted), "facts", task, name, was, now)


def _ran(after: Guarantees, name: str, task: str) -> bool:
    """Whether an experiment ran that would have shown a fact of a task, with this task in it."""
    if task not in after.focus and any(after.tiers.get(each) == after.tiers[task] for each in after.focus):
        return False  # another task stood for the tier
    experiment = f"{FAMILIES[name.partition('.')[0]]}/{after.tiers[task]}"
    return not after.families or experiment in after.families


def fact_kind(name: str, was: Any, now: Any, unwanted: Sequence[str] = ()) -> Kind:
    """What a change of one fact means; `unwanted` are the failures that must not be retried."""
    word, _, rest = name.partition(".")
    if word in FACTS and was is not None and now is not None:
        worse = _rank(word, now) < _rank(word, was)
        better = _rank(word, now) > _rank(word, was)
        if _once(word, now) != _once(word, was) and not (worse or better):
            worse, better = _once(word, now), _once(word, was)
        if rest in unwanted:
            worse, better = better, worse
        return Kind.WEAKENED if worse else Kind.STRENGTHENED if better else Kind.NEUTRAL
    if word in ("attempts", "result") and isinstance(was, int | float) and isinstance(now, int | float):
        return Kind.WEAKENED if now < was else Kind.STRENGTHENED
    if word in ("dead_letter", "exhausted", "limits"):
        gone, came = now in (None, "none"), was in (None, "none")
        return Kind.WEAKENED if gone else Kind.STRENGTHENED if came else Kind.NEUTRAL
    if word == "delays":
        outside = [any(str(each).startswith(("over", "under")) for each in side or ()) for side in (was, now)]
        return (Kind.NEUTRAL, Kind.WEAKENED, Kind.STRENGTHENED)[
            0 if outside[0] == outside[1] else 1 + outside[0]
        ]
    if word == "attempts" or (word in FACTS and now is None):
        return Kind.WEAKENED
    return Kind.NEUTRAL


def _once(word: str, value: Any) -> bool:
    """Whether a task whose child dies is not run again."""
    return word == "poison" and str(value).endswith(" after 1 runs")


def _rank(word: str, value: Any) -> int:
    known = FACTS[word]
    return known.index(value) if value in known else len(known)


def _same(was: Any, now: Any) -> bool:
    """Equal, lists as tuples and 30.0 as 30."""
    if isinstance(was, list | tuple) and isinstance(now, list | tuple):
        return list(was) == list(now)
    return bool(was == now)
