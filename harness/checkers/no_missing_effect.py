"""A task that succeeds has had its effect at least as often as promised."""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._effects import effects_of
from harness.checkers._evidence import cited, counted
from harness.checkers._findings import calmed_at_s
from harness.contract import Contract, Tier
from harness.history import History
from harness.lives import Life, lives_of
from harness.members import is_real, sends
from harness.workload import Experiment


class NoMissingEffect(Checker):
    """A task that succeeds has had its effect: the row, the mail, the file, the body's work.

    Celery takes a body that returns for one that has done its work (`celery/app/trace.py`); a body
    that swallows an error, or leaves a transaction open, has not. Together with `no_duplicate_effect`
    it says "exactly once". Only runs of the task's own code are judged: a stub has no effect.
    """

    weight = 3

    def promise(self, tier: Tier) -> str | None:
        if tier.effect is None or not tier.effect.at_least:
            return None
        times = counted(tier.effect.at_least, "time")
        return f"a task that succeeds has had its effect ({tier.effect.counted}) at least {times}"

    def path(self, tier: Tier) -> str:
        return f"tiers.{tier.name}.effect.at_least"

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        return (Experiment(f"steady/{tier.name}", tier.name, sends(contract, tier)),)

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        counts = tier.effect.counted if tier.effect else "body"
        at_least = tier.effect.at_least if tier.effect else 1
        succeeded = [
            life
            for life in lives_of(contract, tier, history).values()
            if life.outcome == "succeeded" and _own_code(contract, life, history)
        ]
        if not succeeded:
            return unknown("no task of the tier succeeded with its own code")
        effects = {life.task_id: effects_of(life, counts, math.inf) for life in succeeded}
        missing = [life for life in succeeded if len(effects[life.task_id]) < at_least]
        if not missing:
            told = f"{counted(len(succeeded), 'task')} succeeded, each with the effect"
            return kept(told, cited(*(effects[life.task_id] for life in succeeded)))
        names = ", ".join(dict.fromkeys(life.task for life in missing))
        fewest = min(len(effects[life.task_id]) for life in missing)
        return broken(
            f"{counted(len(missing), 'task')} of {names} succeeded with the effect ({counts}) had "
            f"{counted(fewest, 'time')}",
            cited(*((*life.story, *effects[life.task_id]) for life in missing)),
            blame=f"{names} returns as if it had had its effect",
            mend=f"let {names} raise where its effect did not come about (and be retried: autoretry_for)",
        )


def _own_code(contract: Contract, life: Life, history: History) -> bool:
    """Whether no stub stood in for the body in any run."""
    ordered = life.sent.get("body") if life.sent is not None else None
    stub = isinstance(ordered, dict) and ordered.get("stub")
    return is_real(contract, life.task) and not stub and calmed_at_s(life, history) == math.inf
