"""Runs of a task start no faster than the promised rate, across all workers where that is promised."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import QUEUES, RATE
from harness.checkers._evidence import (
    bent,
    cited,
    counted,
    ids_of,
    member_to_send,
    only,
    seconds,
    sent_to,
    task_setting,
)
from harness.contract import Contract, Limits, Tier
from harness.history import Event, History
from harness.workload import Body, Experiment, Send


class RateLimit(Checker):
    """A burst starts at the promised rate: at most rate x time, one more, and 2 s worth or 5 % of it.

    Within the burst no stretch of time has more than 5 s worth, or a tenth of all, above the rate.

    Celery's ``rate_limit`` counts in each worker for itself, with a bucket of one token
    (`celery/worker/consumer/consumer.py`, ``bucket_for_task``): two workers run twice the rate. A
    global rate needs one worker for the queue, or a bucket that all workers share.
    """

    depends = RATE + QUEUES

    def promise(self, tier: Tier) -> str | None:
        limits = tier.limits
        if limits is None or not limits.rate_per_s:
            return None
        scope = "over all workers" if limits.rate_scope == "global" else "in each worker"
        return f"a task starts at most {limits.rate} times, {scope}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.limits.rate"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        task = member_to_send(contract, tier)
        if task is None or tier.limits is None or not tier.limits.rate_per_s:
            return
        yield Experiment(
            f"{self.name}/{tier.name}",
            tier.name,
            (Send(task, Body(stub=True), count=burst_count(tier.limits)),),
            phase="limits",
            settle_within_s=3 * burst_s(tier.limits) + 120,
        )

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        limits = tier.limits or Limits()
        rate_per_s = limits.rate_per_s or math.inf
        sends = sent_to(contract, tier, history, self.name)
        if not sends:
            return unknown("no burst was sent")
        allowed = _allowed(len(sends), sends[-1].at_s - sends[0].at_s, rate_per_s)
        if len(sends) <= allowed:
            return unknown(f"a burst of {len(sends)} cannot exceed {limits.rate}", cited(sends))
        starts = _starts(history, sends)
        groups = _groups(history, starts, limits)
        for group in groups:
            lasted_s = group[-1].at_s - group[0].at_s
            if len(group) > _allowed(len(group), lasted_s, rate_per_s):
                return _exceeded(history, tier, limits, group)
            dense = _densest(group, rate_per_s)
            if len(dense) <= _burst(group, rate_per_s) + rate_per_s * (dense[-1].at_s - dense[0].at_s):
                continue
            if bent(history, dense[0].at_s, dense[-1].at_s):
                return unknown("the starts came in a bunch while the stage's clock was bent", cited(dense))
            return _exceeded(history, tier, limits, dense)
        missing = ids_of(sends) - ids_of(starts)
        if missing:
            return unknown(f"{len(missing)} of {len(sends)} tasks never started", cited(starts))
        largest = max(groups, key=len)
        if len(largest) <= _allowed(len(largest), 0.0, rate_per_s):
            return unknown("no worker got enough tasks to exceed the rate", cited(starts))
        lasted_s = starts[-1].at_s - starts[0].at_s
        return kept(f"{counted(len(starts), 'start')} in {seconds(lasted_s)}", cited(starts))


def burst_count(limits: Limits) -> int:
    """How many tasks show within some 20 s that a rate is kept, or in ten tasks where it is slow."""
    return max(10, math.ceil((limits.rate_per_s or 0.0) * 20 * 1.5))


def burst_s(limits: Limits) -> float:
    """How long the burst takes at the promised rate, in seconds."""
    return burst_count(limits) / limits.rate_per_s if limits.rate_per_s else 0.0


def _allowed(number: int, lasted_s: float, rate_per_s: float) -> float:
    """The most starts that a kept rate can show in a time; a token bucket starts with one token."""
    return rate_per_s * lasted_s + 1 + max(2 * rate_per_s, 0.05 * number)


def _burst(group: Sequence[Event], rate_per_s: float) -> float:
    """How many starts may come at once within a burst: 5 s worth, or a tenth of all.

    More than over the whole burst, since children that get no processor for a while start together.
    """
    return 1 + max(5 * rate_per_s, 0.1 * len(group), 2.0)


def _densest(group: Sequence[Event], rate_per_s: float) -> Sequence[Event]:
    """The stretch with the most starts above what the rate allows for its time (Kadane's algorithm)."""
    first, best, most = 0, (0, 0), -math.inf
    for place, event in enumerate(group):
        if place - rate_per_s * event.at_s < first - rate_per_s * group[first].at_s:
            first = place
        excess = (place - first + 1) - rate_per_s * (event.at_s - group[first].at_s)
        if excess > most:
            best, most = (first, place), excess
    return group[best[0] : best[1] + 1]


def _starts(history: History, sends: Sequence[Event]) -> list[Event]:
    """Every start of the burst's task while the burst lasted, in order of time."""
    own = only(history.of("body-entered"), ids_of(sends))
    if not own:
        return []
    first_s, last_s = own[0].at_s, own[-1].at_s
    return [e for e in history.of("body-entered", task=sends[0].task) if first_s <= e.at_s <= last_s]


def _groups(history: History, starts: Sequence[Event], limits: Limits) -> list[list[Event]]:
    """The starts that one rate must hold for: all of them, or those of each worker."""
    if limits.rate_scope == "global":
        return [list(starts)] if starts else []
    workers = {event.task_id: str(event.get("worker")) for event in history.of("task-started")}
    groups: dict[str, list[Event]] = defaultdict(list)
    for event in starts:
        groups[workers.get(event.task_id, "")].append(event)
    return list(groups.values())


def _exceeded(history: History, tier: Tier, limits: Limits, group: Sequence[Event]) -> Finding:
    lasted_s = group[-1].at_s - group[0].at_s
    task, workers = group[0].task, {e.get("worker") for e in only(history.of("task-started"), ids_of(group))}
    in_force = task_setting(history, task, "rate_limit")
    if in_force is None:
        blame, mend = f"rate_limit is not set for {task}", f'rate_limit="{limits.rate}"'
    elif len(workers) > 1:
        blame = f"rate_limit = {in_force!r} counts per worker, and {len(workers)} workers run {task}"
        mend = f"one worker for {tier.queue or 'its queue'}, or a token bucket that all workers share"
    else:
        blame, mend = f"rate_limit = {in_force!r}", f'rate_limit="{limits.rate}"'
    return broken(
        f"{counted(len(group), 'start')} of {task} in {seconds(lasted_s)}, promised is {limits.rate}",
        cited(group),
        blame=blame,
        mend=mend,
    )
