"""Nothing that succeeded is dead-lettered."""

from __future__ import annotations

from collections.abc import Iterable

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import LETTERS, RETRIES
from harness.checkers._evidence import cited, counted, ids_of, member_to_send, sent_to
from harness.checkers._failures import settle_s
from harness.checkers._letters import letters_of
from harness.contract import Contract, Tier
from harness.history import History
from harness.lives import lives_of
from harness.workload import Body, Experiment, Send


class DeadLetterOnlyFailed(Checker):
    """A task that succeeded, at once or after retries, leaves no dead letter: a replay would run it twice.

    ``task_retry`` and ``on_retry`` come before each new attempt, ``task_failure`` only after the last
    (`celery/app/trace.py`, ``TraceInfo``); a handler wired to the former files letters too early. The
    experiment is a task that fails once and then succeeds.
    """

    depends = RETRIES + LETTERS

    def promise(self, tier: Tier) -> str | None:
        return "a task that succeeded leaves no dead letter" if tier.dead_letter is not None else None

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.dead_letter.to"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        task = member_to_send(contract, tier)
        if tier.dead_letter is None or tier.retry is None or task is None or not _retries(tier):
            return
        body = Body(stub=True, raises=tier.retry.on[0], failing_attempts=1)
        yield Experiment(
            f"{self.name}/{tier.name}", tier.name, (Send(task, body),), settle_within_s=settle_s(tier)
        )

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        sent = ids_of(sent_to(contract, tier, history))
        succeeded = [
            life
            for life in lives_of(contract, tier, history).values()
            if life.task_id in sent and life.outcome == "succeeded"
        ]
        ends = [life.end for life in succeeded if life.end is not None]
        for life in succeeded:
            letters = letters_of(history, life.task_id)
            if letters and life.end is not None:
                return broken(
                    f"{life.task} succeeded and left a dead letter",
                    cited([life.end], letters),
                    blame="what files the letter runs before the last attempt has failed",
                    mend="file it from celery.signals.task_failure, not from task_retry or an except clause",
                )
        if not succeeded:
            return unknown("no task of the tier succeeded")
        second = [life for life in succeeded if life.of("task-retried")]
        if _retries(tier) and not second:
            return unknown("no task of the tier succeeded after a failed attempt", cited(ends))
        return kept(
            f"{counted(len(succeeded), 'task')} succeeded and left no letter, {len(second)} of them late",
            cited([life.end for life in second if life.end is not None], ends),
        )


def _retries(tier: Tier) -> bool:
    return tier.retry is not None and bool(tier.retry.on) and tier.retry.max_retries != 0
