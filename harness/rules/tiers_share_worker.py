"""Tiers of different urgency on one worker."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import NO_WORKERS


class TiersShareWorker(Rule):
    """A worker of the contract consumes the queues of tiers of different urgency.

    A worker takes queues by turns, whatever their order in `-Q`; priorities order one queue, never several.
    Redis with `queue_order_strategy="priority"` does keep the order of `-Q`. Says `unknown` without a
    contract.
    """

    id = "PRI003"
    severity = Severity.MEDIUM
    why = "Urgent tasks wait while every child of the worker is busy with what could have waited."
    mend = "Start a worker of its own for each tier."
    source = "kombu/utils/scheduling.py: round_robin_cycle, priority_cycle; kombu/transport/virtual/base.py"
    proof = "scenarios/rules/test_priorities.py::test_tiers_on_one_worker_take_turns"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if app.workers is None or app.contract is None:
            yield self.unknown(app, "workers", NO_WORKERS)
            return
        if app.brokers == {"redis"} and app.transport.get("queue_order_strategy") == "priority":
            return
        urgency = {tier.queue: tier.urgency for tier in app.contract.tiers if tier.urgency is not None}
        for worker in app.workers:
            shared = {queue: urgency[queue] for queue in app.consumed(worker) if queue in urgency}
            if len(set(shared.values())) > 1:
                told = ", ".join(f"{queue} (urgency {shared[queue]})" for queue in shared)
                origin = app.contract.origin(f"workers.{worker.name}.queues")
                yield self.found(app, worker.name, f"it consumes {told}", origin)
