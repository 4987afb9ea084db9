"""Priorities that Redis counts the other way round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import several


class PriorityInverted(Rule):
    """Tasks have priorities, and the broker is Redis, where 0 is the highest and 9 the lowest.

    RabbitMQ counts the other way. A task without priority has 0 on Redis, so it starts first. Of medium
    severity where no contract says which tier is more urgent; none where the numbers agree with the
    contract.
    """

    id = "PRI001"
    severity = Severity.HIGH
    why = "What is meant to be first is last, exactly when a queue is long."
    mend = (
        "Use a queue and workers of its own for each tier and no priority; or turn the numbers round for "
        "Redis."
    )
    source = "kombu/transport/redis.py: priority_steps, _brpop_start; celery#4028, celery#4599"
    proof = "scenarios/rules/test_priorities.py::test_on_redis_nine_starts_last"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if "redis" not in app.brokers:
            return
        given = {task: app.task(task).get("priority") for task in app.tasks}
        used = {task: value for task, value in given.items() if isinstance(value, int) and value > 0}
        if not used:
            return
        urgencies = {
            task: tier.urgency for task in used if (tier := app.tier(task)) and tier.urgency is not None
        }
        if urgencies:
            wrong = [task for task, urgency in urgencies.items() if used[task] == urgency]
            if _agrees(urgencies, used) and not wrong:
                return
        most = max(used, key=lambda task: used[task])
        what = f"{several(used)} have priorities; {most} with {used[most]} starts after everything that waits"
        origin = str(app.task(most).get("queue_origin", ""))
        severity = self.severity if urgencies else Severity.MEDIUM
        yield self.found(app, most, what, origin, severity=severity)


def _agrees(urgencies: Mapping[str, int], used: Mapping[str, int]) -> bool:
    """Whether a more urgent task always has the lower number."""
    return all(
        used[one] < used[other]
        for one in urgencies
        for other in urgencies
        if urgencies[one] > urgencies[other]
    )
