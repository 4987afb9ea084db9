"""Failures that pass are retried, and failures that do not pass are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.blame import needless_retry, no_retry
from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import RETRIES
from harness.checkers._evidence import bent, cited, member_to_send, seconds
from harness.checkers._findings import let_in, made_to_fail, merged
from harness.contract import Contract, Retry, Tier
from harness.history import History
from harness.lives import Life, end_s, lives
from harness.members import patience_s, send, sends
from harness.workload import Experiment

LATE_S = 60.0
"""A retry that has not begun so long after its longest promised delay is not coming."""


class RetriedFailures(Checker):
    """A task that fails once with a promised class of failure is started again and succeeds.

    And a task that fails with a class that is not to be retried is started once, and fails. Celery
    retries nothing by itself: only what `autoretry_for` names (`celery/app/autoretry.py`) and what
    the task's own code gives to `self.retry()` (`celery/app/task.py`).
    """

    weight = 2
    depends = RETRIES

    def promise(self, tier: Tier) -> str | None:
        retry = tier.retry
        if retry is None or not (retry.on or retry.not_on):
            return None
        parts = []
        if retry.on:
            parts.append(f"after a {_either(retry.on)} failure a task is started again and succeeds")
        if retry.not_on:
            parts.append(f"after a {_either(retry.not_on)} failure it is not")
        return ", ".join(parts)

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.retry.on"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        retry, first = tier.retry, member_to_send(contract, tier)
        if retry is None or first is None:
            return
        delay_s = retry.delay.envelope_s(1)[1] if retry.delay else 0.0
        for place, failure in enumerate((*retry.on, *retry.not_on)):
            one = send(contract, first, raises=failure, failing_attempts=1)
            sent = sends(contract, tier, raises=failure, failing_attempts=1) if place == 0 else (one,)
            name = f"{self.name}/{tier.name}/{failure}"
            yield Experiment(name, tier.name, sent, settle_within_s=patience_s([delay_s]))

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        retry = tier.retry or Retry()
        findings = []
        for failure in (*retry.on, *retry.not_on):
            seen = let_in(lives(history, f"{self.name}/{tier.name}/{failure}").values())
            if not seen:
                findings.append(unknown(f"no task was made to fail with {failure}"))
            for life in seen:
                judge = _retried if failure in retry.on else _left_alone
                findings.append(judge(life, failure, retry, history))
        return merged(findings)


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _retried(life: Life, failure: str, retry: Retry, history: History) -> Finding:
    again = [attempt.began for attempt in life.attempts if attempt.number > 0]
    said = f"{failure}: {life.task}"
    if life.attempts and not made_to_fail(life):
        return _for_another_reason(life, said)
    if again and life.outcome == "succeeded":
        return kept(f"{said} started again, and succeeded", cited(life.story))
    if again:
        state = f"then {life.outcome} with {life.error_type}" if life.outcome else "has not ended"
        return unknown(f"{said} started again, but {state}: its own code, not the retry", cited(life.story))
    if not life.attempts:
        return unknown(f"{said} never started", cited(life.story))
    if life.outcome == "succeeded":
        return _swallowed(life, said)
    if life.outcome is not None:
        found = no_retry(history, life.task, life.error_type)
        observed = f"{said} {life.outcome} at the first attempt, never retried"
        return broken(observed, cited(life.story), blame=found.blame, mend=found.mend)
    return _awaited(life, said, retry, history)


def _awaited(life: Life, said: str, retry: Retry, history: History) -> Finding:
    """A task that has not ended: its retry may still come, or has had all the time it was promised."""
    if not life.retries:
        return unknown(f"{said} neither ended nor retried when the record ends", cited(life.story))
    trial = life.retries[0]
    waited_s = end_s(history) - trial.retried.at_s
    if retry.delay is None or waited_s < retry.delay.envelope_s(1)[1] + LATE_S:
        return unknown(f"{said} its retry had not begun when the record ends", cited(life.story))
    if bent(history, trial.retried.at_s, end_s(history)):
        return unknown(f"{said} not started again; but the stage's clock was bent", cited(life.story))
    scheduled = f" (asked for: {seconds(trial.scheduled_s)})" if trial.scheduled_s is not None else ""
    return broken(
        f"{said} not started again {seconds(waited_s)} after it failed{scheduled}",
        cited(life.story),
        blame=f"the countdown of the retries of {life.task}, or a queue that no worker consumes",
        mend=f"retry {life.task} within {seconds(retry.delay.envelope_s(1)[1])}",
    )


def _left_alone(life: Life, failure: str, _retry: Retry, history: History) -> Finding:
    said = f"{failure}: {life.task}"
    again = [attempt.began for attempt in life.attempts if attempt.number > 0]
    if life.attempts and not made_to_fail(life):
        return _for_another_reason(life, said)
    if again or life.retries:
        found = needless_retry(history, life.task, life.error_type)
        return broken(f"{said} retried", cited(life.story), blame=found.blame, mend=found.mend)
    if not life.attempts or life.outcome is None:
        return unknown(f"{said} {'has not ended' if life.attempts else 'never started'}", cited(life.story))
    if life.outcome == "succeeded":
        return _swallowed(life, said)
    return kept(f"{said} started once, and {life.outcome}", cited(life.story))


def _for_another_reason(life: Life, said: str) -> Finding:
    """Its body never came to the ordered failure: what it did says nothing of how that one is met."""
    error = f" with {life.error_type}" if life.error_type and life.outcome != "succeeded" else ""
    state = f"{life.outcome}{error}" if life.outcome else "has not ended"
    return unknown(f"{said} {state}, but its body was never made to fail", cited(life.story))


def _swallowed(life: Life, said: str) -> Finding:
    """It succeeded at the first attempt, in which its body failed: the body swallowed the failure."""
    return broken(
        f"{said} reported as succeeded at the first attempt, though its body failed",
        cited(life.story),
        blame=f"an except clause in {life.task} swallows the failure, so that Celery never hears of it",
        mend=f"let {life.task} raise it, or call self.retry() in that clause",
    )
