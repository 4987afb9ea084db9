"""What several checkers read from a history: the tasks that a tier was sent, and the settings in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.checker import Finding, kept
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.members import usual_member
from harness.verdict import Outcome

CITED = 12
"""A verdict cites at most this many events; the first ones say as much as all of them."""


def member_to_send(contract: Contract, tier: Tier) -> str | None:
    """The task that stands for its tier: one in focus, or with a sample; None where the tier has no task."""
    return next((name for name in tier.members if name in contract.focus), usual_member(contract, tier))


def sent_to(contract: Contract, tier: Tier, history: History, experiment: str | None = None) -> list[Event]:
    """First publishes of the tier's own tasks by the harness, of one experiment where given."""
    return [event for event in history.workload(experiment) if belongs(contract, tier, event.task)]


def belongs(contract: Contract, tier: Tier, task: str | None) -> bool:
    """Whether the contract gives a task to this tier."""
    if task is None:
        return False
    owner = contract.tier_of(task)
    return owner is not None and owner.name == tier.name


def only(events: Iterable[Event], ids: set[str]) -> list[Event]:
    """The events that concern one of these tasks."""
    return [event for event in events if event.task_id in ids]


def ids_of(events: Iterable[Event]) -> set[str]:
    """The ids of the tasks that these events concern."""
    return {event.task_id for event in events if event.task_id is not None}


def setting(history: History, name: str) -> Any:
    """The value in force of a setting of the app; None where the snapshot has none."""
    return _value(history.header.settings.get("conf", {}).get(name))


def task_setting(history: History, task: str | None, name: str) -> Any:
    """The value in force of one task's own option; None where the snapshot has none."""
    return _value(history.header.settings.get("tasks", {}).get(task, {}).get(name))


def cited(*groups: Sequence[Event]) -> tuple[Event, ...]:
    """Groups of events as one citation, in order, none twice, at most `CITED`."""
    chosen = {id(event): event for group in groups for event in group}
    return tuple(chosen.values())[:CITED]


def bent(history: History, from_s: float, until_s: float) -> bool:
    """Whether the stage's clock may have been bent at some time between the two: timing proves nothing then.

    The guard notes it after it happened, at some time since it last looked (`since_s`).
    """
    for event in history.of("clock-bent"):
        since_s = event.get("since_s")
        if since_s is None:
            since_s = event.at_s - float(event.get("late_s") or 0.0)
        if from_s <= event.at_s and float(since_s) <= until_s:
            return True
    return False


def together(findings: Sequence[Finding]) -> Finding:
    """The parts of one promise as one finding: the first broken part, else the first unknown one."""
    for outcome in (Outcome.BROKEN, Outcome.UNKNOWN):
        for finding in findings:
            if finding.outcome is outcome:
                return finding
    return kept("; ".join(part.observed for part in findings), cited(*(part.events for part in findings)))


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 task``, ``2 tasks``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def seconds(value: float) -> str:
    """Seconds for a sentence: ``30 s``, ``1.25 s``."""
    return f"{round(value, 2):g} s" if abs(value) < 100_000 else f"{value:.0f} s"


def _value(entry: Any) -> Any:
    """Settings come as ``{"value": ..., "origin": ...}``, some task options bare."""
    return entry.get("value") if isinstance(entry, dict) and "value" in entry else entry
