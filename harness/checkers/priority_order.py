"""More urgent tasks start before less urgent ones that wait at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import PRIORITY, QUEUES
from harness.checkers._evidence import (
    belongs,
    cited,
    counted,
    member_to_send,
    seconds,
    setting,
    task_setting,
    together,
)
from harness.checkers._waiting import Pair, Waiting, excused, pairs, waiting
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.workload import Body, Experiment, Send, Strike, Trigger

PAUSE_S = 5.0
HOLD_S = 2.0
COPIES = 4


class PriorityOrder(Checker):
    """Of tasks that wait at the same time, a worker is given those of the more urgent tier first.

    On Redis priority 0 is the highest, and so is none (`kombu/transport/redis.py`,
    ``priority_steps``); on RabbitMQ 9 beats 0, but only within one queue that has
    ``x-max-priority``. Between queues neither has an order unless Redis is told
    ``queue_order_strategy``: workers of its own for each tier have one. The experiment pauses the
    workers, fills the queues from the least urgent tier up, and watches who is delivered first;
    what a worker may have been given before is left out. Four tasks a tier name priority 0, and must
    come after the others where the tier's own priority is a number above that.
    """

    depends = PRIORITY + QUEUES

    def promise(self, tier: Tier) -> str | None:
        if tier.urgency is None:
            return None
        return f"tasks of urgency {tier.urgency} start before less urgent ones that wait at the same time"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.urgency"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        ranked = _ranked(contract)
        sends: list[Send] = []
        for place, each in enumerate(ranked):
            task = member_to_send(contract, each)
            if task is None:
                continue
            at_s, body = 1.0 + place * min(0.5, 3.0 / len(ranked)), Body(stub=True, hold_s=HOLD_S)
            sends.append(Send(task, body, at_s=at_s, count=COPIES, options={"priority": 0}))
            sends.append(Send(task, body, at_s=at_s + 0.1, count=COPIES))
        if not sends:
            return
        queues = sorted({each.queue for each in ranked if each.queue})
        top = ranked[-1].name
        yield Experiment(
            f"{self.name}/{top}",
            top,
            tuple(sends),
            strikes=(Strike("worker_pause", {"queues": queues}, Trigger(heal_after_s=PAUSE_S)),),
            phase="limits",
        )

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        messages = waiting(history, history.workload(self.name))
        early = excused(history, messages)
        plain = [message for message in messages if not message.explicit]
        ranked, place = _ranked(contract), tier.urgency or 0
        less = [each for each in ranked if (each.urgency or 0) < place]
        more = [each for each in ranked if (each.urgency or 0) > place]
        parts = [_between(contract, tier, each, plain, early, history) for each in less]
        if not less:
            parts = [_between(contract, each, tier, plain, early, history) for each in more]
        if _number_is_urgency(contract, tier, history):
            parts.append(_within(contract, tier, messages, early, history))
        return together(parts) if parts else unknown("no tier of another urgency competes with this one")


def _ranked(contract: Contract) -> list[Tier]:
    """The tiers that promise an urgency, the least urgent first."""
    return sorted(
        (tier for tier in contract.tiers if tier.urgency is not None), key=lambda tier: tier.urgency or 0
    )


def _number_is_urgency(contract: Contract, tier: Tier, history: History) -> bool:
    """Whether the tier's tasks have a priority above 0, and the app reads higher numbers as more urgent."""
    numbers = [
        (each.urgency or 0, number)
        for each in _ranked(contract)
        if (number := task_setting(history, member_to_send(contract, each), "priority")) is not None
    ]
    downwards = any(a[0] < b[0] and a[1] > b[1] for a in numbers for b in numbers)
    own = task_setting(history, member_to_send(contract, tier), "priority")
    return own is not None and own > 0 and not downwards


def _of(contract: Contract, tier: Tier, messages: Iterable[Waiting]) -> list[Waiting]:
    return [message for message in messages if belongs(contract, tier, message.sent.task)]


def _between(
    contract: Contract,
    urgent: Tier,
    other: Tier,
    messages: Sequence[Waiting],
    early: set[int],
    history: History,
) -> Finding:
    """The order between two tiers: by delivery where they share a worker, else by waiting for each other."""
    ones, others = _of(contract, urgent, messages), _of(contract, other, messages)
    competing = pairs(ones, others, early)
    wrong = [pair for pair in competing if pair.inverted]
    if wrong:
        return _inverted(wrong, f"{other.name} before {urgent.name}", *_why_between(wrong[0], history))
    if competing:
        return kept(f"{urgent.name} before {other.name}", cited(*_events(competing)))
    if {one.worker for one in ones} & {each.worker for each in others} or not ones or not others:
        return unknown(f"no task of {urgent.name} competed with one of {other.name}")
    return _apart(urgent, other, ones, others, history)


def _apart(
    urgent: Tier, other: Tier, ones: Sequence[Waiting], others: Sequence[Waiting], history: History
) -> Finding:
    """Two tiers with workers of their own: the urgent one must not wait for the other's backlog."""
    starts = sorted((m.started for m in ones if m.started is not None), key=lambda event: event.at_s)
    backlog = sorted((m.started for m in others if m.started is not None), key=lambda event: event.at_s)
    if not starts or not backlog:
        return unknown(f"tasks of {urgent.name} or of {other.name} never started")
    resumed_s = max(
        (e.at_s for e in history.of("fault-healed") if e.get("fault") == "worker_pause"), default=0.0
    )
    late_s = starts[0].at_s - max(resumed_s + PAUSE_S, backlog[-1].at_s + HOLD_S)
    if late_s > 0:
        return broken(
            f"{urgent.name} began {seconds(late_s)} after the backlog of {other.name} was done",
            cited([starts[0], backlog[-1]]),
            blame=f"the workers of {urgent.name} are busy with something else",
            mend=f"workers of its own for {urgent.queue or urgent.name}, worker_prefetch_multiplier = 1",
        )
    return kept(f"{urgent.name} and {other.name} have workers of their own", cited([starts[0], backlog[-1]]))


def _within(
    contract: Contract, tier: Tier, messages: Sequence[Waiting], early: set[int], history: History
) -> Finding:
    """The order within the tier's queue: the tier's own priority against an explicit 0."""
    mine = _of(contract, tier, messages)
    competing = pairs([m for m in mine if not m.explicit], [m for m in mine if m.explicit], early)
    wrong = [pair for pair in competing if pair.inverted]
    number = task_setting(history, member_to_send(contract, tier), "priority")
    if wrong:
        if history.header.broker == "redis":
            blame = f"priority = {number} on Redis: 0 is the highest there, and so is no priority"
            mend = "no priority: a queue and workers of its own for each tier (or the numbers turned round)"
        else:
            blame = f"queue {tier.queue} has no x-max-priority, so its priorities are ignored"
            mend = f'Queue("{tier.queue}", queue_arguments={{"x-max-priority": 10}})'
        return _inverted(wrong, f"priority 0 before {number} within {tier.name}", blame, mend)
    if not competing:
        return unknown(f"no priority 0 competed with {number} within {tier.name}")
    return kept(f"priority {number} before 0 within {tier.name}", cited(*_events(competing)))


def _why_between(pair: Pair, history: History) -> tuple[str, str]:
    number = task_setting(history, pair.urgent.sent.task, "priority")
    other = task_setting(history, pair.other.sent.task, "priority")
    mend = "a queue and workers of its own for each tier: one -Q name a worker, no priority numbers"
    if history.header.broker == "redis" and number is not None and number > (other or 0):
        return f"priority = {number} on Redis: 0 is the highest there, and so is no priority", mend
    strategy = (setting(history, "broker_transport_options") or {}).get("queue_order_strategy")
    order = f"queue_order_strategy = {strategy!r}" if strategy else "in turn"
    return f"worker {pair.urgent.worker} consumes both queues, {order}: priority never crosses queues", mend


def _inverted(wrong: Sequence[Pair], what: str, blame: str, mend: str) -> Finding:
    ids = {id(pair.other) for pair in wrong}
    return broken(
        f"{what}: {counted(len(ids), 'task')} overtook", cited(*_events(wrong)), blame=blame, mend=mend
    )


def _events(found: Sequence[Pair]) -> list[list[Event]]:
    return [[pair.urgent.sent, pair.other.delivered, pair.urgent.delivered] for pair in found]
