"""What gate reports have in common: the evidence of a difference, and values short enough for a line."""

from __future__ import annotations

from collections import Counter

from harness.comparison import Comparison
from harness.differences import Difference, Kind, shown
from harness.impact import Change
from harness.masking import masked, masked_deep, printable
from harness.verdict import Outcome, Verdict

LONG = 400
VALUE = 60


def title(difference: Difference) -> str:
    """``retry_cap [critical]``."""
    return printable(masked(f"{difference.name} [{difference.of}]"))


def step(difference: Difference) -> str:
    """``kept, now broken``."""
    return printable(masked(f"{shown(difference.before)}, now {shown(difference.after)}"))


def setting(change: Change) -> str:
    """``5 -> 2``, each side cut to its beginning."""
    return printable(f"{_value(change, change.before)} -> {_value(change, change.after)}")


def _value(change: Change, value: object) -> str:
    text = shown(masked_deep(value, change.name))
    return text if len(text) <= VALUE else text[: VALUE - 3] + "..."


COMMANDS = ("reproduce", "shown by")
"""Rows that are a command."""
WHY = {
    "poison": "one child lost (memory, a crash in C) is enough: the task is not run again",
    "loss": "what a killed worker ran is lost, or is not run again in time",
    "retried": "this failure is no longer tried again",
    "attempts": "it is given up earlier",
    "result": "its result is gone earlier",
    "dead_letter": "nothing is left of a task that failed for good",
    "exhausted": "nothing is left of a task that used up its retries",
    "limits": "nothing ends a run that hangs",
    "delays": "a retry comes outside of what is promised",
}
"""Why a fact that is worse matters although its promise may be kept."""


def evidence(comparison: Comparison, difference: Difference) -> list[tuple[str, str]]:
    """What shows a difference: both observations, the blame, how to mend it, and the command."""
    rows = []
    before, after = comparison.evidence_before(difference), comparison.evidence(difference)
    origin = comparison.origin(difference)
    if difference.part == "facts" and difference.kind is Kind.WEAKENED and _is_kept(after):
        rows.append(("weaker", WHY.get(difference.name.partition(".")[0], "")))
    if before is not None:
        rows.append(("before", before.observed))
    if after is not None:
        rows += [
            ("promised", after.promised + (f" ({origin})" if origin else "")),
            ("observed", after.observed),
        ]
        if after.outcome is Outcome.BROKEN:
            rows += [("blame", after.blame), ("mend", after.mend)]
        rows.append(("shown by" if after.outcome is Outcome.KEPT else "reproduce", after.reproduce))
    elif origin:
        rows.append(("promised at", origin))
    return [(name, printable(masked(" ".join(text.split())))[:LONG]) for name, text in rows if text]


def _is_kept(verdict: Verdict | None) -> bool:
    return verdict is None or verdict.outcome is Outcome.KEPT


def stories(comparison: Comparison) -> list[tuple[Difference, list[tuple[str, str]]]]:
    """Every difference with its evidence, where it is weaker or unknown; what several share is told once."""
    told: list[tuple[Difference, list[tuple[str, str]]]] = []
    for each in comparison.differences:
        grave = each.kind in (Kind.WEAKENED, Kind.UNKNOWN)
        rows = evidence(comparison, each) if grave else []
        told.append((each, [] if any(rows == other for _, other in told) else rows))
    return told


def counted(comparison: Comparison) -> str:
    """``1 weakened, 0 unknown, 2 strengthened, 0 neutral``."""
    found = ", ".join(f"{len(comparison.of(kind))} {kind.value}" for kind in Kind)
    if not comparison.differences:
        number = len(comparison.choices)
        found = f"{number} guarantees put to the test, no difference" if number else "nothing to test"
    accepted = sum(comparison.is_accepted(each) for each in comparison.of(Kind.WEAKENED))
    rules = f"; newly broken rules: {_severities(comparison)}" if comparison.findings else ""
    return found + (f" ({accepted} accepted by the lock file)" if accepted else "") + rules


def _severities(comparison: Comparison) -> str:
    """``1 high, 2 medium (only high ones fail)``."""
    counts = Counter(each.severity for each in comparison.findings or ())
    told = ", ".join(f"{counts[name]} {name}" for name in ("high", "medium", "low") if counts[name])
    return told if counts["high"] else f"{told} (only high ones fail)"


def advice(comparison: Comparison) -> str:
    """What to do about the lock file; "" where there is nothing to do."""
    command = comparison.lock_command or f"celery-harness lock -A {comparison.app}"
    if comparison.weakened:
        return f"If that is meant: {command}, and commit {comparison.lock} with the change."
    if comparison.lock_current is None:
        return f"There is no lock file: {command} makes the next gate faster, and the guarantees reviewable."
    if not comparison.lock_current:
        return f"{comparison.lock} is out of date: {command}"
    return ""
