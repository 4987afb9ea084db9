"""A task whose worker is killed runs again, on another process, in time."""

from __future__ import annotations

from collections.abc import Iterable

from harness.blame import lost_run
from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import LOSS, QUEUES
from harness.checkers._evidence import bent, cited, member_to_send, seconds
from harness.checkers._findings import fails_anyway, merged
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.lives import Attempt, Life, end_s, lives
from harness.members import send
from harness.verdict import Outcome
from harness.workload import Experiment, Strike, Trigger

HELD_S = 20.0
"""How long the body is held, so that the worker is killed in the middle of it."""

MARGIN_S = 120.0
"""For the second run, which is held as well, and for its end."""


def killing(contract: Contract, tier: Tier) -> Iterable[Experiment]:
    """The first member is killed with its worker, in its body; `no_duplicate_effect` judges it too."""
    first = member_to_send(contract, tier)
    if first is None or tier.loss is None or tier.loss.within_s is None:
        return
    yield Experiment(
        f"loss_recovered/{tier.name}",
        tier.name,
        (send(contract, first, hold_s=HELD_S),),
        (kill(tier, Trigger(on="body-entered", heal_after_s=1.0)),),
        phase="crash",
        settle_within_s=tier.loss.within_s + MARGIN_S,
        lingering=True,
    )


def kill(tier: Tier, when: Trigger) -> Strike:
    """The workers that consume the tier's queue are killed; all of them where the contract names no queue."""
    return Strike("worker_kill", {"queue": tier.queue} if tier.queue else {}, when)


class LossRecovered(Checker):
    """A task whose worker is killed while it runs is run again by another process in time, and succeeds.

    Only a message that is acknowledged late is still there (`task_acks_late`,
    `celery/worker/request.py`). RabbitMQ delivers it again at once; on Redis it waits until
    `visibility_timeout` is over, 3600 s by default (`kombu/transport/redis.py:restore_visible`).
    """

    weight = 3
    depends = LOSS + QUEUES

    def promise(self, tier: Tier) -> str | None:
        if tier.loss is None or tier.loss.within_s is None:
            return None
        return f"a task whose worker is killed runs again within {seconds(tier.loss.within_s)}, and succeeds"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.loss.within_s"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        return killing(contract, tier)

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        within_s = (tier.loss.within_s if tier.loss else None) or 0.0
        seen = lives(history, f"{self.name}/{tier.name}").values()
        if not seen:
            return unknown("no task was killed with its worker")
        return merged([_judged(life, tier.name, within_s, history) for life in seen])


def _judged(life: Life, tier: str, within_s: float, history: History) -> Finding:
    if not life.attempts:
        return unknown(f"{life.task} never started", cited(life.story))
    first = life.attempts[0]
    killed = next((e for e in history.of("fault-injected") if _kills(e, first)), None)
    if killed is None:
        return unknown(f"no worker was killed while {life.task} ran", cited(life.story))
    if first.left is not None and first.left.at_s <= killed.at_s:
        return unknown(f"{life.task} was over before its worker was killed", cited(life.story))
    if not _was_struck(history, killed, first):
        return unknown(f"no worker was killed while {life.task} ran", cited(life.story))
    if first.left is not None:
        return unknown(
            f"{life.task} went on to its end: it was not in a worker that was killed", cited(life.story)
        )
    later = [a for a in life.attempts[1:] if a.began.at_s > killed.at_s and _elsewhere(a, first)]
    if not later:
        return _never(life, killed, within_s, history)
    whole = [attempt for attempt in later if attempt.entered is not None or first.entered is None]
    if not whole and life.outcome is not None:
        return _turned_away(life, killed, later[-1])
    found = _again(life, killed, (whole or later)[0], within_s, history)
    steady = fails_anyway(history, tier, life.task)
    if found.outcome is Outcome.BROKEN and life.outcome == "failed" and steady is not None:
        return unknown(f"{life.task} fails without any fault too", cited(found.events, steady.story))
    return found


def _kills(event: Event, first: Attempt) -> bool:
    return event.get("fault") == "worker_kill" and event.at_s >= first.began.at_s


def _was_struck(history: History, killed: Event, first: Attempt) -> bool:
    """Whether the worker that ran the task was among those that were killed."""
    return any(
        event.at_s >= killed.at_s and (first.worker is None or event.get("worker") in (None, first.worker))
        for event in history.of("worker-lost")
    )


def _elsewhere(attempt: Attempt, first: Attempt) -> bool:
    return attempt.pid is None or attempt.pid != first.pid


def _never(life: Life, killed: Event, within_s: float, history: History) -> Finding:
    waited_s = end_s(history) - killed.at_s
    events = (*cited(life.story), killed)
    if life.outcome is None and waited_s < within_s:
        return unknown(
            f"{life.task} has not run again {seconds(waited_s)} after the kill, when the record ends", events
        )
    found = lost_run(history, life.task)
    fate = f"and {life.outcome} without another run" if life.outcome else f"in {seconds(waited_s)}"
    return broken(f"{life.task} never ran again {fate}", events, blame=found.blame, mend=found.mend)


def _again(life: Life, killed: Event, again: Attempt, within_s: float, history: History) -> Finding:
    began = again.entered or again.began
    took_s = began.at_s - killed.at_s
    events = cited([killed, began], [life.end] if life.end else [])
    said = f"{life.task} ran again {seconds(took_s)} after the kill"
    if took_s > within_s:
        if bent(history, killed.at_s, began.at_s):
            return unknown(f"{said}; but the stage's clock was bent meanwhile", events)
        found = lost_run(history, life.task)
        return broken(
            f"{said}, promised within {seconds(within_s)}", events, blame=found.blame, mend=found.mend
        )
    if life.outcome == "succeeded":
        return kept(f"{said}, and succeeded", events)
    if life.outcome is None:
        return unknown(f"{said}, and has not ended", events)
    return broken(
        f"{said}, and {life.outcome} ({life.error_type or 'no error on record'})",
        events,
        blame=f"{life.task} cannot be run a second time after it was interrupted",
        mend=f"make {life.task} undo or recognise what its first run left behind",
    )


def _turned_away(life: Life, killed: Event, again: Attempt) -> Finding:
    """It was started again, but its body was not: mostly by the lock that its killed run left behind."""
    denied = [event for event in life.of("lock-denied") if event.at_s >= again.began.at_s]
    events = cited([killed, again.began], denied, [life.end] if life.end else [])
    said = f"{life.task} was started again {seconds(again.began.at_s - killed.at_s)} after the kill"
    if not denied:
        blame = f"something before the body of {life.task} turns a redelivery away"
        return broken(
            f"{said}, but its body was not", events, blame=blame, mend="let a redelivery of the same id in"
        )
    return broken(
        f"{said}, but turned away by the lock {denied[-1].get('key')!r} before its body",
        events,
        blame=f"the lock of {life.task} does not know its owner, and outlives it",
        mend="keep the task id in the lock, and let a redelivery of the same id in",
    )
