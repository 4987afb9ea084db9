"""A few causes stand behind many broken promises: verdicts whose blame says the same of different tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.history import History
from harness.masking import masked, printable
from harness.verdict import Outcome, Verdict

_ASIDE = re.compile(r"\s\([^()]*\)")
_LIST = re.compile(r"…(?:(?:, | and | or )…)+")


class Cause(NamedTuple):
    """What is to blame, and what it broke."""

    text: str
    broken: int
    """How many promises."""
    guarantees: tuple[str, ...]
    tiers: tuple[str, ...]


def causes(history: History, verdicts: Sequence[Verdict]) -> list[Cause]:
    """The causes of what is broken, the one that broke most first; none where each broke one promise."""
    groups: dict[str, list[Verdict]] = {}
    names = {event.task for event in history.events if event.task}
    for verdict in verdicts:
        if verdict.outcome is Outcome.BROKEN and verdict.blame:
            groups.setdefault(_said(verdict.blame, names), []).append(verdict)
    found = [
        Cause(
            printable(masked(text)), len(group), _of(v.guarantee for v in group), _of(v.tier for v in group)
        )
        for text, group in groups.items()
    ]
    # Equal ones stay as verdicts have them: what weighs most first.
    found.sort(key=lambda cause: -cause.broken)
    return found if any(cause.broken > 1 for cause in found) else []


def _said(blame: str, names: Iterable[str]) -> str:
    """The first clause of a blame, without what differs from task to task."""
    clause = re.split(r"[:;]\s", _ASIDE.sub("", " ".join(blame.split())))[0]
    for name in sorted(names, key=len, reverse=True):
        clause = clause.replace(name, "…")
    return _LIST.sub("…", re.sub(r"= \d+(?:\.\d+)?\b", "= …", clause)).strip()


def _of(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
