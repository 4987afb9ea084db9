"""A task that kills its worker's child is given up after a bounded number of runs."""

from __future__ import annotations

from collections.abc import Iterable

from harness.blame import no_brake
from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._broker import Held, held
from harness.checkers._depends import LOSS
from harness.checkers._evidence import cited, counted, member_to_send
from harness.checkers._findings import merged
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.lives import Life, lives
from harness.members import patience_s
from harness.workload import Body, Experiment, Send

MORE = 3
"""Runs beyond the promised ones, after which the experiment is given up: a loop disturbs the rest."""

WATCH_S = 20.0
"""How long a task that seems to have ended is watched: a loop of deliveries shows within seconds."""


class PoisonBraked(Checker):
    """A task that kills its child in every run (memory, segmentation fault) is run a bounded number of times.

    With `acks_late` and `reject_on_worker_lost` the broker delivers such a task again for ever: a
    redelivery is no retry, and `max_retries` does not count it (`celery/worker/request.py:on_failure`,
    celery#9082; 51 runs a minute on Redis). Brakes are `task_retry_on_worker_lost` (Celery 5.7)
    and the delivery limit of a quorum queue. A task acknowledged before it runs dies once.
    """

    weight = 3
    depends = LOSS

    def promise(self, tier: Tier) -> str | None:
        if tier.loss is None or tier.loss.redelivered_at_most is None:
            return None
        return f"a task that kills its child is run at most {counted(tier.loss.redelivered_at_most, 'time')}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.loss.redelivered_at_most"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        first = member_to_send(contract, tier)
        if first is None or self.promise(tier) is None:
            return
        delay, runs = (
            (tier.retry.delay if tier.retry else None),
            (tier.loss and tier.loss.redelivered_at_most) or 0,
        )
        delays_s = [delay.nominal_s(number) if delay else 180.0 for number in range(1, runs + 1)]
        yield Experiment(
            f"{self.name}/{tier.name}",
            tier.name,
            (Send(first, Body(stub=True, dies=True)),),
            phase="crash",
            settle_within_s=patience_s(delays_s),
            watch_s=WATCH_S,
            runaway_after=runs + MORE,
        )

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        at_most = (tier.loss.redelivered_at_most if tier.loss else None) or 0
        seen = lives(history, f"{self.name}/{tier.name}").values()
        if not seen:
            return unknown("no task was made to kill its child")
        at_end = held(history)
        return merged([_judged(life, at_most, at_end, history) for life in seen])


def _judged(life: Life, at_most: int, at_end: Held | None, history: History) -> Finding:
    runs = life.runs
    said = f"{life.task} ran {counted(len(runs), 'time')}"
    if not runs:
        return unknown(f"{life.task} never ran", cited(life.story))
    if len(runs) > at_most:
        found = no_brake(history, life.task)
        observed = f"{said}, promised at most {at_most}{_state(life, at_end)}"
        return broken(observed, cited(runs), blame=found.blame, mend=found.mend)
    if life.outcome == "succeeded":
        return unknown(f"{said}, and succeeded: it did not kill its child in every run", cited(life.story))
    if any(attempt.left is not None for attempt in life.attempts):
        return unknown(f"{said}, and its body came to an end: it did not kill its child", cited(life.story))
    if at_end is None:
        return unknown(f"{said}, and nobody read the broker at the end", cited(life.story))
    queue = at_end.queue_of.get(life.task_id)
    if life.task_id in at_end.unacked or (queue is not None and at_end.consumed(queue)):
        return unknown(f"{said}, and is still to be delivered when the record ends", _events(life, at_end))
    if life.outcome is not None or life.dead_letters:
        return kept(f"{said}, then {life.outcome or 'dead-lettered'}", _events(life, at_end))
    return kept(f"{said}, and the broker no longer has it: it was lost with its child", _events(life, at_end))


def _state(life: Life, at_end: Held | None) -> str:
    """What has become of a poison task that was not braked in time."""
    if at_end is not None and at_end.holds(life.task_id):
        return ", and is still being delivered"
    if life.outcome == "succeeded":
        return ", until the harness let it live"
    return f", then {life.outcome}" if life.outcome else ""


def _events(life: Life, at_end: Held) -> tuple[Event, ...]:
    return (*cited(life.story)[:11], at_end.read)
