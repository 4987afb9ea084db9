"""Tasks that failed for good: which they are, when they failed, and the experiment that makes one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.checkers._evidence import ids_of, member_to_send, sent_to
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.lives import ENDS, Life, lives_of
from harness.workload import Body, Experiment, Send

MARGIN_S = 30.0
"""For the task to reach its end before letter and mail are waited for, and seen to be overdue."""

SILENCE_S = 120.0
"""How long no mail must come before a tier counts as quiet."""

FOR_GOOD = frozenset({"failed", "rejected", "unknown-task"})


@dataclass(frozen=True, slots=True)
class Failure:
    """A task of the workload that failed for good, and the event by which it did."""

    life: Life
    end: Event

    @property
    def task_id(self) -> str:
        return self.life.task_id

    @property
    def at_s(self) -> float:
        return self.end.at_s


def failures(contract: Contract, tier: Tier, history: History) -> list[Failure]:
    """The tier's workload tasks that failed for good, by time; one that began again has not."""
    sent = ids_of(sent_to(contract, tier, history))
    found = []
    for task_id, life in lives_of(contract, tier, history).items():
        last_began_s = life.attempts[-1].began.at_s if life.attempts else 0.0
        if (
            task_id not in sent
            or life.outcome not in FOR_GOOD
            or life.end is None
            or last_began_s > life.end.at_s
        ):
            continue
        # A hard time limit is reported twice (celery/worker/request.py): the first one counts.
        ends = [event for event in life.ends if event.at_s >= last_began_s]
        found.append(Failure(life, ends[0] if ends and life.end.kind in ENDS else life.end))
    return sorted(found, key=lambda failure: failure.at_s)


def experiment(contract: Contract, tier: Tier) -> Iterable[Experiment]:
    """One task that fails in every attempt, with a failure that is not retried where there is one."""
    task = member_to_send(contract, tier)
    if task is None:
        return
    not_on = tier.retry.not_on if tier.retry else ()
    body = Body(stub=True, raises=not_on[0] if not_on else "programming")
    yield Experiment(
        f"dead_letter/{tier.name}",
        tier.name,
        (Send(task, body),),
        settle_within_s=settle_s(tier),
        watch_s=_within_s(tier) + MARGIN_S,
    )


def settle_s(tier: Tier) -> float:
    """How long a task of the tier may take to fail for good and be seen to, in seconds."""
    retry = tier.retry
    delays_s = 0.0
    if retry is not None and retry.delay is not None and retry.max_retries is not None:
        delays_s = sum(retry.delay.nominal_s(number) for number in range(1, retry.max_retries + 1))
    return delays_s * 1.1 + _within_s(tier) + 300


def _within_s(tier: Tier) -> float:
    """After which letter and mail of a final failure are overdue, in seconds."""
    letter, alert = tier.dead_letter, tier.alert
    return max(letter.within_s if letter else 0.0, alert.within_s if alert else 0.0, SILENCE_S * tier.quiet)


def hindered(history: History, prefix: str, from_s: float, to_s: float) -> bool:
    """Whether a fault whose name begins so held at some time between the two."""
    open_s: dict[str, float] = {}
    spans = []
    for event in history.of("fault-injected", "fault-healed"):
        name = str(event.get("fault"))
        if not name.startswith(prefix):
            continue
        if event.kind == "fault-injected":
            open_s.setdefault(name, event.at_s)
        elif name in open_s:
            spans.append((open_s.pop(name), event.at_s))
    spans += [(began_s, float("inf")) for began_s in open_s.values()]
    return any(began_s <= to_s and healed_s >= from_s for began_s, healed_s in spans)


def idle_handlers(history: History) -> list[str]:
    """Registered tasks that look like failure handlers and that the app itself never sent or called."""
    words = ("fail", "dead", "error")
    own = {event.task_id for event in history.workload()}
    ran = history.of("task-sent", "task-started", "body-entered")
    active = {event.task for event in ran if event.task_id not in own}
    names = history.header.settings.get("tasks", {})
    return [name for name in names if any(word in name.lower() for word in words) and name not in active]
