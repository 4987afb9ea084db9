"""A task has its effect at most as often as promised, however often it is run."""

from __future__ import annotations

from collections.abc import Iterable

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._broker import Held, held
from harness.checkers._depends import EFFECTS, LOSS
from harness.checkers._effects import effects_of
from harness.checkers._evidence import cited, counted
from harness.checkers._findings import calmed_at_s
from harness.checkers.loss_recovered import kill, killing
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.lives import Life, lives_of
from harness.members import is_real, send
from harness.workload import Experiment, Trigger

LINGERS_S = 20.0
"""How long the process waits between the effect and Celery's hearing of it, to be killed there."""

TOGETHER_S = 2.0
"""The kill comes so long after the first body is left: the others have had their effect as well."""

VISIBILITY_S = 3600.0
"""When Redis delivers again what a lost worker held, where nothing else is configured."""

MARGIN_S = 120.0


class NoDuplicateEffect(Checker):
    """A task that is delivered twice has its effect once: the row, the mail, the file, the body's work.

    A worker that dies between the effect and the acknowledgement leaves a message that is
    delivered again (`task_acks_late`); so does a visibility timeout shorter than a task's wait
    (`kombu/transport/redis.py`). Celery recognises only a task whose success is stored already, and
    only with `worker_deduplicate_successful_tasks` (`celery/app/trace.py`). The effects of each task
    are counted over the whole run; it puts the promise to the test only if a task was run again
    after its effect, as often as it may have it, or could have been: its worker was killed and the
    broker no longer has it.
    """

    weight = 3
    depends = LOSS + EFFECTS

    def promise(self, tier: Tier) -> str | None:
        if tier.effect is None:
            return None
        return (
            f"one task has its effect ({tier.effect.counted}) at most {counted(tier.effect.at_most, 'time')}"
        )

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.effect"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        yield from killing(contract, tier)
        wanted = tier.effect is not None and tier.effect.counted == "body"
        members = [task for task in tier.members if wanted or is_real(contract, task)]
        if not members:
            return
        within_s = (tier.loss.within_s if tier.loss else None) or VISIBILITY_S
        yield Experiment(
            f"{self.name}/{tier.name}",
            tier.name,
            tuple(send(contract, task, lingers_s=LINGERS_S) for task in members),
            (kill(tier, Trigger(at_s=TOGETHER_S, on="body-left", heal_after_s=1.0)),),
            phase="crash",
            settle_within_s=within_s + MARGIN_S,
            lingering=True,
        )

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        counts = tier.effect.counted if tier.effect else "body"
        at_most = tier.effect.at_most if tier.effect else 1
        all_lives = lives_of(contract, tier, history).values()
        effects = {life.task_id: effects_of(life, counts, calmed_at_s(life, history)) for life in all_lives}
        mine = [life for life in all_lives if effects[life.task_id]]
        if not mine:
            return unknown(f"no effect ({counts}) of any task was seen")
        twice = [life for life in mine if len(effects[life.task_id]) > at_most]
        if twice:
            return _broken(twice, effects, counts)
        at_end = held(history)
        pending = [life for life in mine if at_end and life.outcome is None and at_end.holds(life.task_id)]
        if pending:
            said = (
                f"{counted(len(pending), 'task')} had the effect, and the broker is still to deliver it again"
            )
            return unknown(said, cited(*(effects[life.task_id] for life in pending)))
        tested = [life for life in mine if _could_exceed(life, effects[life.task_id], at_most, history)]
        spared = [life for life in mine if _cannot_come_again(life, effects[life.task_id], history, at_end)]
        if not tested and not spared:
            return unknown(
                f"{counted(len(mine), 'task')} had the effect, and none was run again after it"
                + (f" often enough to have it more than {at_most} times" if at_most > 1 else ""),
                cited(*(effects[life.task_id] for life in mine)),
            )
        events = [
            (*effects[life.task_id], *_again(life, effects[life.task_id], history))
            for life in (*tested, *spared)
        ]
        if tested:
            return kept(
                f"{counted(len(tested), 'task')} run again after the effect, not had again", cited(*events)
            )
        gone = f"{counted(len(spared), 'task')} killed after the effect; the broker does not deliver again"
        return kept(gone, cited(*events))


def _again(life: Life, effects: tuple[Event, ...], history: History) -> tuple[Event, ...]:
    """The runs that began after the first effect: each could have had it again, unless a stub stood in."""
    return tuple(run for run in life.runs if effects[0].at_s < run.at_s < calmed_at_s(life, history))


def _could_exceed(life: Life, effects: tuple[Event, ...], at_most: int, history: History) -> bool:
    """Whether all runs together would have had the effect too often, had each had it as the first one had."""
    again = _again(life, effects, history)
    first = [event for event in effects if not again or event.at_s <= again[0].at_s]
    return bool(again) and len(first) * (1 + len(again)) > at_most


def _cannot_come_again(life: Life, effects: tuple[Event, ...], history: History, at_end: Held | None) -> bool:
    """Whether the worker died after the effect, before Celery heard of it, and no message is left."""
    if at_end is None or life.outcome is not None or at_end.holds(life.task_id) or not life.attempts:
        return False
    worker = life.attempts[-1].worker
    return any(
        event.at_s >= effects[0].at_s and event.get("worker") in (None, worker)
        for event in history.of("worker-lost")
    )


def _broken(twice: list[Life], effects: dict[str, tuple[Event, ...]], counts: str) -> Finding:
    tasks = ", ".join(dict.fromkeys(life.task for life in twice))
    most = max(len(effects[life.task_id]) for life in twice)
    redelivered = any(len(life.runs) > len(life.numbers) for life in twice)
    why = "delivered again" if redelivered else "retried"
    return broken(
        f"{counted(len(twice), 'task')} of {tasks} had the effect ({counts}) up to {most} times",
        cited(*(effects[life.task_id] for life in twice)),
        blame=f"{tasks} does not recognise, when {why}, that it has had its effect",
        mend=f"give the effect of {tasks} a unique key made of the task id or its arguments",
    )
