"""Equal tasks exclude each other, different ones do not, and the lock goes when it was promised to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import DEDUPLICATION, LOSS
from harness.checkers._evidence import cited, counted, ids_of, member_to_send, seconds, sent_to, together
from harness.checkers._exclusion import Equals, Run, equals, lock_events
from harness.contract import Contract, Tier
from harness.contract import Deduplication as Promise
from harness.history import Event, History
from harness.lives import Attempt, Life, lives_of
from harness.workload import Body, Experiment, Send, Strike, Trigger

HOLD_S = 20.0
AGAIN_AT_S = 60.0
MORE = 15
"""So many that the worker which runs the first cannot have taken all the others for itself (prefetch)."""
JOINED_AT_S = 30.0
"""So long after the experiment began a worker that joins is ready, on a busy machine too."""


class Deduplication(Checker):
    """Of equal tasks one is in its body at a time; the lock ends with the task, or at the latest in time.

    Celery has no such lock: ``worker_deduplicate_successful_tasks`` concerns redeliveries of one and
    the same task id only (`celery/app/trace.py`), and Django's LocMemCache is a cache for each
    process (`docs/topics/cache.txt`, "Local-memory caching"). Judged by bodies, not by locks, and
    with the task's own code where there is a sample: a worker that is killed must not leave its lock
    for ever, and different arguments must not be kept out. Where the layout runs one task of the tier at a
    time, a second worker joins for the experiment: the lock has to hold on the day that somebody scales out.
    """

    weight = 2
    depends = LOSS + DEDUPLICATION

    def promise(self, tier: Tier) -> str | None:
        lock = tier.deduplication
        if lock is None:
            return None
        end = "ends with the task" if lock.release == "on_end" else "stays until it expires"
        latest = "" if lock.lock_s is None else f", at the latest after {seconds(lock.lock_s)}"
        return f"equal tasks exclude each other; the lock {end}{latest}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.deduplication"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        task, lock = member_to_send(contract, tier), tier.deduplication
        if lock is None or task is None:
            return
        lock_s = lock.lock_s if lock.lock_s is not None else math.inf
        hold = Body(hold_s=min(HOLD_S, lock_s / 2) or HOLD_S)
        one = _runs_one(contract, tier)
        at_s = JOINED_AT_S if one else 0.0
        sends = [
            Send(task, hold, at_s=at_s, count=1 if one else 3, every_s=hold.hold_s / 4, identical=True),
            Send(task, at_s=at_s + 2.0),
            Send(task, at_s=at_s + AGAIN_AT_S, identical=True),
        ]
        expires = lock.release == "on_expiry" and lock.lock_s is not None
        if expires:
            sends.append(Send(task, at_s=at_s + lock_s + AGAIN_AT_S, identical=True))
        if one:
            every_s = hold.hold_s / (MORE + 1)
            sends.append(Send(task, at_s=at_s + every_s, count=MORE, every_s=every_s, identical=True))
        where = {"queue": tier.queue} if tier.queue else {}
        yield Experiment(
            f"{self.name}/{tier.name}",
            tier.name,
            tuple(sends),
            strikes=(Strike("worker_joins", where),) if one else (),
            phase="limits",
            settle_within_s=AGAIN_AT_S + 300 + (lock_s if expires else 0.0),
            lingering=expires,
        )
        if lock.lock_s is None:
            return
        kill = Strike(
            "worker_kill",
            where,
            Trigger(on="body-entered", heal_after_s=1.0),
        )
        yield Experiment(
            f"{self.name}/{tier.name}/orphan",
            tier.name,
            (Send(task, hold, identical=True), Send(task, at_s=lock_s + 5, identical=True)),
            strikes=(kill,),
            phase="crash",
            settle_within_s=lock_s + 900,
            lingering=True,
        )

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        promised = tier.deduplication or Promise()
        lives = lives_of(contract, tier, history)
        everything = [lives[i] for i in sorted(ids_of(sent_to(contract, tier, history))) if i in lives]
        orphan = f"{self.name}/{tier.name}/orphan"
        mine = [
            e for e in everything if str(e.experiment).startswith(f"{self.name}/") and e.experiment != orphan
        ]
        groups = equals(history, mine)
        parts = [
            _overlap(equals(history, everything), promised),
            _exclusion([group for group in groups if len(group.lives) > 1]),
            _release([group for group in groups if len(group.lives) > 1], promised),
            _different([group for group in groups if len(group.lives) == 1], groups),
        ]
        if promised.lock_s is not None:
            parts.append(
                _orphan(equals(history, [e for e in everything if e.experiment == orphan]), promised.lock_s)
            )
        return together([part for part in parts if part is not None])


def _overlap(groups: Sequence[Equals], promised: Promise) -> Finding | None:
    """Two equal tasks in their bodies at once, while the lock of the first was promised to hold."""
    lock_s = math.inf if promised.lock_s is None else promised.lock_s
    for group in groups:
        for place, first in enumerate(group.runs):
            until_s = min(first.end_s, first.start_s + lock_s)
            for second in group.runs[place + 1 :]:
                if second.life is first.life or second.start_s >= until_s:
                    continue
                taken = lock_events(group, "lock-acquired")
                apart = seconds(second.start_s - first.start_s)
                return broken(
                    f"two equal {group.task} were in their bodies at once, {apart} apart",
                    cited([first.entered, second.entered], taken),
                    blame=_why_no_lock(group, taken, first, second),
                    mend="one lock per task and arguments in a shared cache: cache.add(key, id, lock_s)",
                )
    return None


def _why_no_lock(group: Equals, taken: Sequence[Event], first: Run, second: Run) -> str:
    if not taken:
        return f"{group.task} takes no lock that its workers share; Celery has no deduplication of its own"
    if len({event.get("key") for event in taken}) > 1:
        return f"the lock keys of equal {group.task} differ"
    if any(event.at_s <= second.entered.at_s for event in first.life.of("lock-released")):
        return f"{group.task} gives its lock back before its body has ended"
    return f"the lock is taken for {taken[0].get('ttl_s')} s only"


def _runs_one(contract: Contract, tier: Tier) -> bool:
    """Whether the contract's workers run one task of the tier at a time: without another none can overlap."""
    theirs = [w for w in contract.workers if not w.queues or tier.queue in w.queues]
    return sum(w.replicas * (1 if w.pool == "solo" else w.concurrency) for w in theirs) == 1


def _exclusion(groups: Sequence[Equals]) -> Finding:
    """Whether an equal task came while another was in its body, and was kept out."""
    for group in groups:
        for run in group.runs:
            for life in group.lives:
                if life is run.life:
                    continue
                tries = [a.began for a in life.attempts if _turned_away(a, run)]
                tries += [e for e in life.of("lock-denied") if run.start_s <= e.at_s < run.end_s]
                if tries:
                    return kept(f"{group.task} kept an equal one out", [run.entered, tries[0]])
    sends = [life.sent for group in groups for life in group.lives if life.sent is not None]
    return unknown("no equal task came to a worker while another was in its body", cited(sends))


def _turned_away(attempt: Attempt, run: Run) -> bool:
    """Whether an attempt began during a run and ended without its body, or waited in it for the lock."""
    if not run.start_s <= attempt.began.at_s < run.end_s:
        return False
    if attempt.entered is None:
        return attempt.ended is not None
    return attempt.entered.at_s < run.end_s


def _release(groups: Sequence[Equals], promised: Promise) -> Finding:
    """Whether an equal task ran again when, and not before, the lock was promised to be gone."""
    lock_s = math.inf if promised.lock_s is None else promised.lock_s
    shown: list[Event] = []
    for group in groups:
        for life in group.lives:
            before = [
                run for run in group.runs if run.life is not life and life.attempts and _over(run, life)
            ]
            if not before or life.end is None or _in_between(group, life):
                continue
            last, ran = before[-1], group.runs_of(life)
            age_s = life.attempts[0].began.at_s - last.start_s
            if promised.release == "on_expiry" and age_s < lock_s:
                if ran:
                    return _too_early(group, last, ran[0], lock_s)
                continue
            if not ran:
                return _too_late(group, last, life, age_s)
            shown.append(ran[0].entered)
    if not shown:
        return unknown("no equal task came after the lock was to be gone")
    return kept(f"{counted(len(shown), 'equal task')} ran after the lock was gone", cited(shown))


def _over(run: Run, life: Life) -> bool:
    """Whether a run was over, whole, before a task was first taken up."""
    return run.whole and run.end_s < life.attempts[0].began.at_s


def _in_between(group: Equals, life: Life) -> bool:
    """Whether another equal task was in its body when a task was first taken up: that one keeps it out."""
    began_s = life.attempts[0].began.at_s
    return any(run.life is not life and run.start_s <= began_s < run.end_s for run in group.runs)


def _too_early(group: Equals, first: Run, again: Run, lock_s: float) -> Finding:
    age_s = again.start_s - first.start_s
    return broken(
        f"an equal {group.task} ran again after {seconds(age_s)}, the lock holds {seconds(lock_s)}",
        [first.entered, again.entered],
        blame="the lock is released, or expires, before its time",
        mend=f"a lock that lives {seconds(lock_s)} and is not deleted at the end of the task",
    )


def _too_late(group: Equals, first: Run, life: Life, age_s: float) -> Finding:
    return broken(
        f"an equal {group.task} was kept out {seconds(age_s)} after the first began, which was over",
        cited([first.entered], life.of("lock-denied"), life.ends[-1:]),
        blame="the lock outlives the task: nothing releases it when the task ends",
        mend="release the lock in a finally clause, or in on_success and on_failure",
    )


def _different(others: Sequence[Equals], groups: Sequence[Equals]) -> Finding:
    """Whether tasks with other arguments ran beside the locked one."""
    names = {group.task for group in groups if len(group.lives) > 1}
    ended = [group for group in others if group.task in names and group.lives[0].end is not None]
    for group in ended:
        if not group.runs:
            return broken(
                f"{group.task} with other arguments was kept out too",
                cited(lock_events(group, "lock-denied"), [life.end for life in group.lives if life.end]),
                blame="the lock's key leaves the arguments out",
                mend="make the key of the task's name and all of its bound arguments",
            )
    if not ended:
        return unknown("no task with other arguments ran (does the sample say what to vary?)")
    return kept("other arguments ran", [group.runs[0].entered for group in ended])


def _orphan(groups: Sequence[Equals], lock_s: float) -> Finding:
    """Whether the lock of a task whose worker was killed was gone in time."""
    for group in groups:
        lost = next((run for run in group.runs if not run.whole), None)
        later = [
            life
            for life in group.lives
            if lost is not None and life.sent and life.sent.at_s >= lost.start_s + lock_s
        ]
        if lost is None or not later or later[-1].end is None:
            continue
        probe = later[-1]
        ran = group.runs_of(probe)
        if ran:
            return kept("the lock of a killed worker was gone in time", [lost.entered, ran[0].entered])
        if any(
            run.life is not probe and run.start_s <= probe.attempts[0].began.at_s <= run.end_s
            for run in group.runs[1:]
            if probe.attempts
        ):
            return unknown("the redelivered task was in its body when the lock was tested", [lost.entered])
        return broken(
            f"{seconds(lock_s)} after a worker was killed, its lock still keeps equal {group.task} out",
            cited([lost.entered], probe.of("lock-denied"), probe.ends[-1:]),
            blame="the lock has no expiry, or a longer one: a killed worker never releases it",
            mend=f"give the lock a life of {seconds(lock_s)} (cache.add timeout, SET NX EX)",
        )
    return unknown("no worker was killed while it held a lock that was tested after its time")
