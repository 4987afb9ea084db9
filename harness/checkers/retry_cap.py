"""A task that always fails is retried as often as promised, and then fails for good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.blame import Blame, no_retry, wrong_cap
from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import RETRIES
from harness.checkers._evidence import cited, counted, member_to_send
from harness.checkers._findings import failed_to_the_end, let_in, merged
from harness.contract import Contract, Tier
from harness.history import History
from harness.lives import Life, lives
from harness.members import patience_s, send, sends
from harness.workload import ALWAYS, Experiment

COPIES = 12
"""Sends of the first member where jitter is promised: the delays of so many tell jitter from none."""

COPIES_WITHOUT_JITTER = 3

ENDLESS = 4
"""Retries that are looked at where the contract sets no cap."""


def ladder(contract: Contract, tier: Tier) -> Iterable[Experiment]:
    """Every member fails for ever, the first one in several copies; `retry_delays` judges it too."""
    retry, first = tier.retry, member_to_send(contract, tier)
    if retry is None or not retry.on or first is None:
        return
    retries = ENDLESS if retry.max_retries is None else retry.max_retries
    failing = ENDLESS if retry.max_retries is None else ALWAYS
    delays_s = [retry.delay.nominal_s(number) if retry.delay else 180.0 for number in range(1, retries + 1)]
    jittered = retry.delay is not None and retry.delay.jitter != "none"
    copies = (COPIES if jittered else COPIES_WITHOUT_JITTER) - 1
    orders: dict[str, Any] = {"raises": retry.on[0], "failing_attempts": failing}
    yield Experiment(
        f"retry_cap/{tier.name}",
        tier.name,
        (*sends(contract, tier, **orders), send(contract, first, count=copies, **orders)),
        settle_within_s=patience_s(delays_s),
    )


class RetryCap(Checker):
    """A task that always fails is started once more than the promised retries, and fails for good.

    `max_retries` is 3 where nothing sets it, and an option of the task, not a setting of the app
    (`celery/app/task.py`); it counts only where something calls `retry()`. A redelivery is no
    retry and is not counted here.
    """

    weight = 2
    depends = RETRIES

    def promise(self, tier: Tier) -> str | None:
        if tier.retry is None or tier.retry.max_retries is None:
            return None
        times = counted(tier.retry.max_retries, "retry", "retries")
        return f"a task that always fails is given up after {times}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.retry.max_retries"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        return ladder(contract, tier) if self.promise(tier) else ()

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        cap = (tier.retry.max_retries if tier.retry else None) or 0
        if tier.retry is None or not tier.retry.on:
            return unknown("the contract names no failure that is retried (retry.on): nothing to fail with")
        seen = let_in(lives(history, f"retry_cap/{tier.name}").values())
        if not seen:
            return unknown("no task was made to fail for ever")
        return merged([_judged(life, cap, history) for life in seen])


def _judged(life: Life, cap: int, history: History) -> Finding:
    made = len(life.numbers)
    said = f"{life.task}: {counted(made, 'attempt')}, promised {cap + 1}"
    events = cited(life.story)
    if not made:
        return unknown(f"{life.task}: never started", events)
    if made > cap + 1:
        return _broken(said, life, wrong_cap(history, life.task, cap))
    if life.outcome is None:
        return unknown(f"{said}, and not ended when the record ends", events)
    if life.outcome == "succeeded" and not failed_to_the_end(life):
        return unknown(f"{said}, and succeeded: its body was not made to fail to the end", events)
    if life.outcome == "succeeded":
        blame = f"an except clause in {life.task} swallows the failure, so that Celery never hears of it"
        return _broken(f"{said}, and reported as succeeded", life, Blame(blame, f"let {life.task} raise it"))
    if life.outcome not in ("failed", "rejected"):
        return unknown(f"{said}, and {life.outcome}", events)
    if not failed_to_the_end(life):
        error = life.error_type or "an error of its own"
        return unknown(f"{said}, and {life.outcome} with {error}: not what it was made to fail with", events)
    if made < cap + 1:
        cause = (
            no_retry(history, life.task, life.error_type) if made == 1 else wrong_cap(history, life.task, cap)
        )
        return _broken(f"{said}, and failed for good", life, cause)
    return kept(f"{said}, and failed for good", events)


def _broken(observed: str, life: Life, cause: Blame) -> Finding:
    return broken(observed, cited(life.story), blame=cause.blame, mend=cause.mend)
