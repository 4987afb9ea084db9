"""A rate limit taken for one of the whole system."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import NO_WORKERS, several


class RateLimitPerWorker(Rule):
    """A task has a rate limit, and more than one worker of the contract consumes its queue.

    A rate limit holds for one worker. No finding where the contract says rate_scope = "worker"; `unknown`
    without one.
    """

    id = "RAT002"
    severity = Severity.MEDIUM
    why = "The quota of the service behind the task is exceeded as many times as there are workers."
    mend = "Divide it by the workers, use one worker with the queue to itself, or a token bucket in Redis."
    source = "celery/worker/consumer/consumer.py: bucket_for_task, one for each worker; celery#5732"
    proof = "scenarios/rules/test_limits.py::test_two_workers_double_a_rate_limit"

    def check(self, app: Configuration) -> Iterator[Finding]:
        limited = [task for task in app.tasks if app.option(task, "rate_limit").value]
        if not limited:
            return
        if app.workers is None:
            yield self.unknown(app, several(limited), NO_WORKERS)
            return
        for task in limited:
            tier, queue = app.tier(task), app.task(task).get("queue")
            here = sum(worker.replicas for worker in app.workers if queue in app.consumed(worker))
            if here > 1 and not (tier and tier.limits and tier.limits.rate_scope == "worker"):
                limit = app.option(task, "rate_limit")
                yield self.found(app, task, f"{limit.value} in each of {here} workers", limit.origin)
