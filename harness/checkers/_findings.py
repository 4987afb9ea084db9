"""Several findings about one promise, as one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness.checker import Finding, unknown
from harness.checkers._evidence import cited
from harness.history import History
from harness.lives import Life, lives
from harness.verdict import Outcome


def merged(findings: Sequence[Finding]) -> Finding:
    """All broken ones as one, else all unknown ones, else all: equal ones once, with their number."""
    for outcome in (Outcome.BROKEN, Outcome.UNKNOWN, Outcome.KEPT):
        chosen = [finding for finding in findings if finding.outcome is outcome]
        if chosen:
            return Finding(
                outcome,
                "; ".join(folded(_tallied(finding.observed for finding in chosen))),
                cited(*(finding.events for finding in chosen)),
                "; ".join(folded(finding.blame for finding in chosen)),
                "; ".join(folded(finding.mend for finding in chosen)),
            )
    return unknown("nothing was found")


def folded(texts: Iterable[str]) -> list[str]:
    """Sentences that differ in one name only as one sentence with all the names: ``give a, b a queue``."""
    done: list[list[list[str]]] = []
    for text in dict.fromkeys(text for text in texts if text):
        words = [[word] for word in text.split(" ")]
        for other in done:
            place = _only_difference(other, words)
            if place is not None:
                other[place] += words[place]
                break
        else:
            done.append(words)
    return [" ".join(_listed(word) for word in words) for words in done]


def _only_difference(one: Sequence[list[str]], two: Sequence[list[str]]) -> int | None:
    """The one place at which two sentences differ, if names stand there; None where there are more."""
    apart = [place for place, (mine, other) in enumerate(zip(one, two, strict=False)) if mine != other]
    if len(one) != len(two) or len(apart) != 1:
        return None
    names = any(letter.isalpha() for letter in two[apart[0]][0])
    return apart[0] if names else None


def _listed(words: Sequence[str]) -> str:
    """Several words at one place, with the mark after the first of them (``:``) after the last alone."""
    mark = words[0][-1:] if words[0][-1:] in ":," and all(w.endswith(words[0][-1]) for w in words) else ""
    return ", ".join(word.removesuffix(mark) for word in words) + mark


def let_in(everybody: Iterable[Life]) -> list[Life]:
    """Without those that a lock turned away before their bodies, unless there are no others.

    A task without arguments excludes its own copies in experiments that run side by side.
    """
    everyone = list(everybody)
    return [life for life in everyone if life.of("body-entered") or not life.of("lock-denied")] or everyone


def fails_anyway(history: History, tier: str, task: str) -> Life | None:
    """The task's life in the steady state, if it failed there too: then no fault is to blame."""
    for life in lives(history, f"steady/{tier}").values():
        if life.task == task and life.outcome == "failed":
            return life
    return None


def calmed_at_s(life: Life, history: History) -> float:
    """From when on a stub stands in for the body of a task that its experiment gave up; else infinity."""
    for event in history.of("experiment-ended"):
        if event.get("experiment") == life.experiment and life.task_id in (event.get("waiting") or ()):
            return event.at_s
    return math.inf


def made_to_fail(life: Life, number: int = 0) -> bool:
    """Whether the body failed in that attempt as the harness ordered, and not for a reason of its own."""
    return any(int(event.get("retries") or 0) == number for event in life.of("fault-injected"))


def failed_to_the_end(life: Life) -> bool:
    """Whether the harness made the body fail in the last attempt, after which it was reported as ended."""
    return made_to_fail(life, life.numbers[-1] if life.numbers else 0)


def _tallied(said: Iterable[str]) -> Iterable[str]:
    counts: dict[str, int] = {}
    for one in said:
        counts[one] = counts.get(one, 0) + 1
    return (one if number == 1 else f"{one} ({number}x)" for one, number in counts.items())
