"""Several findings about one promise, as one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness.checker import Finding, unknown
from harness.checkers._evidence import cited
from harness.history import History
from harness.lives import Life
from harness.verdict import Outcome


def merged(findings: Sequence[Finding]) -> Finding:
    """All broken ones as one, else all unknown ones, else all: equal ones once, with their number."""
    for outcome in (Outcome.BROKEN, Outcome.UNKNOWN, Outcome.KEPT):
        chosen = [finding for finding in findings if finding.outcome is outcome]
        if chosen:
            return Finding(
                outcome,
                "; ".join(_tallied(finding.observed for finding in chosen)),
                cited(*(finding.events for finding in chosen)),
                "; ".join(dict.fromkeys(finding.blame for finding in chosen if finding.blame)),
                "; ".join(dict.fromkeys(finding.mend for finding in chosen if finding.mend)),
            )
    return unknown("nothing was found")


def let_in(lives: Iterable[Life]) -> list[Life]:
    """Without those that a lock turned away before their bodies, unless there are no others.

    A task without arguments excludes its own copies in experiments that run side by side.
    """
    everyone = list(lives)
    return [life for life in everyone if life.of("body-entered") or not life.of("lock-denied")] or everyone


def calmed_at_s(life: Life, history: History) -> float:
    """From when on a stub stands in for the body of a task that its experiment gave up; else infinity."""
    for event in history.of("experiment-ended"):
        if event.get("experiment") == life.experiment and life.task_id in (event.get("waiting") or ()):
            return event.at_s
    return math.inf


def failed_to_the_end(life: Life) -> bool:
    """Whether the harness made the body fail in the attempt after which it was reported as succeeded."""
    last = life.numbers[-1] if life.numbers else 0
    return any(int(event.get("retries") or 0) == last for event in life.of("fault-injected"))


def _tallied(said: Iterable[str]) -> Iterable[str]:
    counts: dict[str, int] = {}
    for one in said:
        counts[one] = counts.get(one, 0) + 1
    return (one if number == 1 else f"{one} ({number}x)" for one, number in counts.items())
