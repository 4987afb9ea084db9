"""A task that failed for good leaves one dead letter, with what a replay needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import LETTERS, LIMITS, LOSS, QUEUES, RETRIES
from harness.checkers._evidence import cited, counted, seconds
from harness.checkers._failures import Failure, experiment, failures, hindered, idle_handlers
from harness.checkers._letters import lacking, letters_of
from harness.contract import Contract, Tier
from harness.contract import DeadLetter as Promise
from harness.history import Event, History
from harness.lives import end_s
from harness.workload import Experiment


class DeadLetter(Checker):
    """Each task that failed for good leaves exactly one dead letter in time, with all that it must carry.

    Celery has no dead letters of its own: a signal receiver, a base class or an errback files them,
    or RabbitMQ's dead letter exchange does (Redis ignores ``x-dead-letter-exchange``). A hard time
    limit reports a failure twice (`celery/worker/request.py`, ``on_timeout`` and ``on_failure``), a
    killed worker calls no ``on_failure``. A letter that was read only after the last experiment says
    nothing of when it was filed: where the contract itself says `within_s`, that is unknown then.
    """

    weight = 2
    depends = RETRIES + LOSS + QUEUES + LIMITS + LETTERS

    def promise(self, tier: Tier) -> str | None:
        letter = tier.dead_letter
        if letter is None:
            return None
        carried = ", ".join(letter.carries) or "nothing in particular"
        within = seconds(letter.within_s)
        return f"failed for good leaves one letter in {letter.to} within {within}, with {carried}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.dead_letter"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        return experiment(contract, tier) if tier.dead_letter is not None else ()

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        promised = tier.dead_letter or Promise()
        failed = failures(contract, tier, history)
        if not failed:
            return unknown("no task of the tier failed for good")
        letters = {failure.task_id: letters_of(history, failure.task_id) for failure in failed}
        without = [failure for failure in failed if not letters[failure.task_id]]
        due = [failure for failure in without if end_s(history) > failure.at_s + promised.within_s]
        if due:
            return _none(history, promised, failed, due)
        gone = _consumed(history, promised, [event for found in letters.values() for event in found])
        if gone:
            return _gone(promised, failed, gone)
        for failure in failed:
            finding = _one(history, promised, failure, letters[failure.task_id])
            if finding is not None:
                return finding
        if without:
            return unknown(
                f"the record ends before the letters of {counted(len(without), 'task')} were due",
                cited([failure.end for failure in without]),
            )
        found = [event for events in letters.values() for event in events]
        timeless = [event for event in found if _read_at_the_end(history, event)]
        if timeless and f"{self.path(tier)}.within_s" in contract.origins:
            said = f"{counted(len(timeless), 'letter')} in {promised.to}"
            said += ", and when they were filed is not on record"
            return unknown(said, cited([failure.end for failure in failed], timeless))
        return kept(
            f"{counted(len(failed), 'task')} failed for good, one letter each in {promised.to}",
            cited([failure.end for failure in failed], found),
        )


def _one(history: History, promised: Promise, failure: Failure, letters: Sequence[Event]) -> Finding | None:
    """What is wrong with the letters of one task; None where nothing is."""
    if not letters:
        return None
    copies = sum(int(event.get("count") or 1) for event in letters)
    if copies > 1:
        return broken(
            f"{failure.life.task} left {copies} letters",
            cited([failure.end], letters),
            blame="what files the letter runs more than once for one task (a hard time limit reports twice)",
            mend="make it idempotent: a unique key on the task id, SET NX, or get_or_create",
        )
    gaps = lacking(letters[0].get("record") or {}, promised.carries, failure.life)
    if gaps:
        return broken(
            f"the letter of {failure.life.task} lacks {', '.join(gaps)}",
            cited([failure.end], letters),
            blame=f"what files the letter does not keep {', '.join(gaps)}: no replay without it",
            mend="keep sender.name, args, kwargs, repr(exception) and request.retries with it",
        )
    late_s = letters[0].at_s - failure.at_s
    excused = _read_at_the_end(history, letters[0]) or hindered(
        history, "database_", failure.at_s, letters[0].at_s
    )
    if late_s > promised.within_s and not excused:
        return broken(
            f"the letter of {failure.life.task} came after {seconds(late_s)}",
            cited([failure.end], letters),
            blame="what files the letter waits: a queue without a free worker, or a retry",
            mend="file the letter in the task_failure receiver itself",
        )
    return None


def _read_at_the_end(history: History, letter: Event) -> bool:
    ended_s = [event.at_s for event in history.of("experiment-ended")]
    return bool(ended_s) and letter.at_s >= max(ended_s)


def _none(history: History, promised: Promise, failed: Sequence[Failure], due: Sequence[Failure]) -> Finding:
    ends = [failure.end for failure in due]
    idle = idle_handlers(history)
    own = {event.task_id for event in history.workload()}
    crashed = [e for e in history.of("task-failed") if e.task and e.task_id not in own and _handles(e.task)]
    if crashed:
        blame = f"{crashed[0].task} itself failed: {crashed[0].get('error_type')}"
    elif idle:
        blame = f"no handler is wired: nothing calls {' or '.join(idle)}"
    elif promised.kind == "queue" and history.header.broker == "redis":
        blame = "Redis ignores x-dead-letter-exchange, and nothing else files a letter"
    else:
        blame = "no handler is wired: no signal receiver, errback or dead letter exchange files a letter"
    return broken(
        f"{len(due)} of {counted(len(failed), 'task')} that failed for good left no letter in {promised.to}",
        cited(ends, crashed),
        blame=blame,
        mend="file it from celery.signals.task_failure, task_internal_error, task_revoked and task_unknown",
    )


def _handles(task: str) -> bool:
    return any(word in task.lower() for word in ("fail", "dead", "error"))


def _consumed(history: History, promised: Promise, letters: Sequence[Event]) -> list[Event]:
    """Acknowledgements that took these letters out of the dead letter queue."""
    if promised.kind != "queue":
        return []
    messages = {str((letter.get("record") or {}).get("id")) for letter in letters}
    return [
        event
        for event in history.of("message-acked")
        if event.get("queue") == promised.place and event.task_id in messages
    ]


def _gone(promised: Promise, failed: Sequence[Failure], gone: Sequence[Event]) -> Finding:
    return broken(
        f"{counted(len(gone), 'letter')} in {promised.to}, consumed and acknowledged at once: gone",
        cited([failure.end for failure in failed], gone),
        blame=f"a worker consumes {promised.place}: its -Q names it",
        mend=f"no worker with -Q {promised.place}; read the queue with a command, or file letters in a table",
    )
