"""Every published task is accounted for when the run is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.blame import lost_child, lost_run, said
from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._broker import Held, held
from harness.checkers._depends import LOSS, QUEUES, RETRIES
from harness.checkers._evidence import cited, counted
from harness.checkers._findings import merged
from harness.checkers._struck import fallen_silent, on_its_way
from harness.checkers.loss_recovered import killing
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.lives import Life, lives_of
from harness.members import sends
from harness.verdict import Outcome
from harness.workload import Experiment


def steady(contract: Contract, tier: Tier) -> Experiment:
    """The steady state: every member once, its own code where there is a sample, no faults."""
    return Experiment(f"steady/{tier.name}", tier.name, sends(contract, tier))


class NoLostTask(Checker):
    """Every published task has ended, or is dead-lettered, or is still with the broker: none is lost.

    The conservation law: a task has succeeded, failed for good, been rejected, revoked, expired or
    dead-lettered, or the broker still has its message, and somebody will take it from there; and
    no task has both succeeded and failed, or been revoked. A message without a worker is lost in all
    but name: Celery creates queues that nobody consumes (`task_create_missing_queues`,
    `celery/app/amqp.py`). A publish that raised is no loss: the caller knows. A task that no worker
    knows is thrown away (`celery/worker/consumer/consumer.py:on_unknown_task`). Judged of every task
    of the run; where the contract says what a killed worker means, one is killed for it.
    """

    weight = 3
    depends = RETRIES + LOSS + QUEUES

    def promise(self, tier: Tier) -> str | None:
        return "every published task ends, once, or the broker still has it for a worker"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        if tier.members:
            yield steady(contract, tier)
            yield from killing(contract, tier)

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        tells = any(True for _ in history.of("message-published"))
        published = [
            life
            for life in lives_of(contract, tier, history).values()
            if _was_published(life, tells_publishes=tells)
        ]
        if not published:
            return unknown("no task of the tier was published")
        at_end = held(history)
        findings, fates = [], Counter[str]()
        for life in published:
            found = _contradicted(life) or _judged(life, at_end, tier, history)
            if isinstance(found, str):
                fates[found] += 1
            else:
                findings.append(found)
        if any(finding.outcome is Outcome.BROKEN for finding in findings):
            return merged(findings)
        if at_end is None:
            return unknown("nobody read the broker at the end: what it still held is not on record")
        if findings:
            return merged(findings)
        fate = ", ".join(f"{number} {name}" for name, number in sorted(fates.items()))
        return kept(f"{counted(len(published), 'task')} published: {fate}", _proof(published, at_end))


def _was_published(life: Life, *, tells_publishes: bool) -> bool:
    """A publish that raised and was never heard of again is the caller's to handle.

    Of what the app itself sends the record has no ``publish-failed``: it lacks ``message-published`` then.
    """
    if life.sent is None:
        return False
    if life.of("message-published", "message-delivered", "task-received", "task-started"):
        return True
    return not life.of("publish-failed") and not tells_publishes


def _proof(published: Iterable[Life], at_end: Held) -> tuple[Event, ...]:
    return (*cited([life.end for life in published if life.end is not None])[:11], at_end.read)


def _contradicted(life: Life) -> Finding | None:
    ways = {event.kind for event in life.ends} & {"task-succeeded", "task-failed", "task-revoked"}
    if len(ways) < 2 or "task-succeeded" not in ways:
        return None
    other = "failed" if "task-failed" in ways else "been revoked"
    return broken(
        f"{life.task} has both succeeded and {other}",
        [event for event in life.ends if event.kind in ways],
        blame=f"{life.task} was run again after it had ended: a redelivery that nothing recognises",
        mend=f"let {life.task} recognise its own id, or keep the visibility timeout above its longest wait",
    )


def _judged(life: Life, at_end: Held | None, tier: Tier, history: History) -> Finding | str:
    """What became of one task: a word where it is accounted for, a finding where it is not."""
    if life.dead_letters or (life.outcome is None and _stored(life)):
        return "dead-lettered" if life.dead_letters else "succeeded"
    if life.outcome == "unknown-task":
        return broken(
            f"{life.task} was thrown away: the worker knows no such task",
            cited(life.story),
            blame=f"imports or autodiscover_tasks() of the worker leave {life.task} out",
            mend=f"let the worker import the module of {life.task}",
        )
    if life.outcome is not None and not _goes_on(life):
        return "expired" if life.end is not None and life.end.get("expired") else life.outcome
    if at_end is None:
        return unknown("nobody read the broker at the end")
    if at_end.holds(life.task_id) and _is_not_due(life, at_end):
        return "scheduled"
    if life.task_id in at_end.queue_of:
        return _queued(life, at_end, tier, history)
    if life.task_id in at_end.unacked:
        if _loser(life, history) is not None:
            return "still unacknowledged"
        events = (*life.story, at_end.read)
        return unknown(f"{life.task} is still unacknowledged, and no lost worker explains it", events)
    return _nowhere(life, at_end, history)


def _goes_on(life: Life) -> bool:
    """Whether a task that ended with `Ignore` was replaced by another of its id, which has not ended.

    (`celery/app/task.py:replace`.)
    """
    messages = sum(not event.get("retries") for event in life.of("task-sent"))
    ignored = [event for event in life.of("body-left") if event.get("error_type") == "Ignore"]
    return life.outcome == "ignored" and len(ignored) < messages


def _stored(life: Life) -> bool:
    """Whether its success is with the result backend: its process died before it could say so."""
    return any(event.get("status") == "SUCCESS" for event in life.of("result-stored"))


def _queued(life: Life, at_end: Held, tier: Tier, history: History) -> Finding | str:
    queue, events = at_end.queue_of[life.task_id], (*life.story, at_end.read)
    if tier.dead_letter and tier.dead_letter.kind == "queue" and queue == tier.dead_letter.place:
        return "dead-lettered"
    if at_end.consumed(queue):
        lost = _loser(life, history)
        if lost is not None and not _came_back(history, queue, lost):
            return "still queued"
        silent = fallen_silent(life, queue, at_end.read, history)
        return silent or unknown(f"{life.task} still waits in queue {queue}", events)
    default = history.header.settings.get("default_queue")
    if queue == default:
        blame, mend = (
            f"{said(history, None, 'task_default_queue')}: no route for {life.task}",
            (f"route {life.task} to a queue of a worker, or set task_default_queue to one"),
        )
    else:
        blame = f"the route of {life.task} leads to {queue} (task_routes, celery/app/routes.py)"
        mend = f"start a worker with -Q {queue}, or route {life.task} elsewhere"
    return broken(
        f"{life.task} sits in queue {queue}, which no worker consumes", events, blame=blame, mend=mend
    )


def _loser(life: Life, history: History) -> Event | None:
    """The loss of the worker or child that ran the task last, or could have run it, where there was one."""
    since_s = life.attempts[-1].began.at_s if life.attempts else life.sent.at_s if life.sent else 0.0
    worker = life.attempts[-1].worker if life.attempts else None
    for event in history.of("child-lost", "worker-lost", "worker-stopped"):
        same_worker = worker is None or event.get("worker") in (None, worker)
        if event.at_s >= since_s and (
            event.task_id == life.task_id or (event.task_id is None and same_worker)
        ):
            return event
    return None


def _came_back(history: History, queue: str, lost: Event) -> bool:
    """Whether some worker began to consume the queue after a loss: it should have taken the message."""
    return any(
        event.at_s > lost.at_s and queue in (event.get("queues") or ())
        for event in history.of("worker-ready")
    )


def _is_not_due(life: Life, at_end: Held) -> bool:
    """Whether its retry, or its own countdown, ends only after the record."""
    last = [trial for trial in life.retries[-1:] if trial.again is None]
    waits = [trial.retried.at_s + (trial.scheduled_s or 0.0) for trial in last]
    if not life.attempts and life.sent is not None and life.sent.get("countdown_s"):
        waits.append(life.sent.at_s + float(life.sent.get("countdown_s")))
    return any(due_s > at_end.read.at_s for due_s in waits)


def _nowhere(life: Life, at_end: Held, history: History) -> Finding:
    events = (*life.story, at_end.read)
    if not life.of("task-received", "message-delivered", "task-started", "body-entered"):
        struck = on_its_way(life, at_end.read, history)
        if struck is not None:
            return struck
        blame = (
            f"the exchange and routing key of {life.task} lead to no queue, or the broker lost the message"
        )
        return broken(
            f"{life.task} was published and reached neither a queue nor a worker",
            events,
            blame=blame,
            mend="route by queue name alone, and set broker_transport_options confirm_publish on RabbitMQ",
        )
    last = life.attempts[-1] if life.attempts else None
    lost_by = _loser(life, history)
    if last is not None and last.ended is None and lost_by is not None:
        found = (lost_child if lost_by.kind == "child-lost" else lost_run)(history, life.task)
        observed = f"{life.task} was lost with the {lost_by.kind.partition('-')[0]} that ran it"
        return broken(observed, cited(life.story, [lost_by, at_end.read]), blame=found.blame, mend=found.mend)
    if last is not None and last.ended is None:
        return unknown(f"{life.task} was still under way when the record ends", events)
    return broken(
        f"{life.task} was {'to be retried' if life.retries else 'received'}, and the broker no longer has it",
        events,
        blame=f"the message of {life.task} was acknowledged before its next run was safe with the broker",
        mend="set task_acks_late = True, and keep the broker's data on disk",
    )
