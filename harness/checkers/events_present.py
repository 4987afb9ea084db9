"""Celery's own monitor sees every task of the tier go through its life."""

from __future__ import annotations

from collections import defaultdict

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import EVENTS
from harness.checkers._evidence import belongs, cited, counted, ids_of, sent_to, setting
from harness.contract import Contract, Tier
from harness.history import Event, History

ALWAYS_SEEN = ("task-sent", "task-received", "task-started", "task-succeeded")
"""What a monitor sees of a task that succeeds at the first attempt."""

SEEN_AT_LEAST_ONCE = ("task-failed", "task-retried")
"""What it sees of others; not counted task by task, since a killed worker takes its events with it."""


class EventsPresent(Checker):
    """A monitor sees the tier's tasks sent, received, started and succeeded, and failed or retried.

    ``task-sent`` needs ``task_send_sent_event`` (`celery/app/amqp.py`), all others need
    ``worker_send_task_events`` or ``worker -E`` (`celery/worker/request.py`, ``send_event``). Every
    task of the steady state is counted; failures and retries must have been seen at least once.
    """

    depends = EVENTS

    def promise(self, tier: Tier) -> str | None:
        return "a monitor sees each task sent, received, started and ended" if tier.events else None

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.events"

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        seen: dict[str, list[Event]] = defaultdict(list)
        for event in history.of("celery-event"):
            seen[str(event.get("event"))].append(event)
        if not seen and setting(history, "worker_send_task_events") is not False:
            return unknown("the monitor of this run saw no event at all, of any task")
        lacking = _lacking_in_steady(contract, tier, history, seen) | _lacking_elsewhere(
            contract, tier, history, seen
        )
        steady = sent_to(contract, tier, history, "steady")
        if lacking:
            return _absent(lacking)
        ids = ids_of(steady)
        if not any(event.task_id in ids for event in history.of("task-succeeded")):
            return unknown("no task of the tier succeeded in the steady state", cited(steady))
        mine = [event for kind in ALWAYS_SEEN for event in seen[kind] if event.task_id in ids]
        return kept(f"{counted(len(ids), 'task')} seen from sent to succeeded", cited(mine))


def _lacking_in_steady(
    contract: Contract, tier: Tier, history: History, seen: dict[str, list[Event]]
) -> dict[str, list[Event]]:
    """Kinds that the monitor did not see of some steady task, with what the probe saw instead."""
    ids = ids_of(sent_to(contract, tier, history, "steady"))
    lacking: dict[str, list[Event]] = {}
    for kind in ALWAYS_SEEN:
        missing = ids - ids_of(seen[kind])
        unseen = [e for e in history.of(kind) if e.task_id in missing and not e.get("retries")]
        if unseen:
            lacking[kind] = unseen
    return lacking


def _lacking_elsewhere(
    contract: Contract, tier: Tier, history: History, seen: dict[str, list[Event]]
) -> dict[str, list[Event]]:
    lacking: dict[str, list[Event]] = {}
    for kind in SEEN_AT_LEAST_ONCE:
        mine = [event for event in history.of(kind) if belongs(contract, tier, event.task)]
        if mine and not ids_of(mine) & ids_of(seen[kind]):
            lacking[kind] = mine
    return lacking


def _absent(lacking: dict[str, list[Event]]) -> Finding:
    sent_only = set(lacking) == {"task-sent"}
    name = "task_send_sent_event" if sent_only else "worker_send_task_events"
    also = " and task_send_sent_event" if "task-sent" in lacking and not sent_only else ""
    counts = ", ".join(
        f"{kind} of {counted(len(ids_of(events)), 'task')}" for kind, events in lacking.items()
    )
    return broken(
        f"a monitor never sees {counts}",
        cited(*lacking.values()),
        blame=f"{name}{also} {'are' if also else 'is'} off",
        mend=f"{name} = True" + (", task_send_sent_event = True" if also else ""),
    )
