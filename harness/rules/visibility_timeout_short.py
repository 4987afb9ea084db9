"""A visibility timeout that is shorter than a run."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import by_origin, seconds, several


class VisibilityTimeoutShort(Rule):
    """A task that is acknowledged late may run longer than Redis waits before it gives it to another worker.

    What a worker has reserved waits unacknowledged too: with a prefetch of n a message waits for n runs. Of
    medium severity where only that wait is too long.
    """

    id = "ACK003"
    severity = Severity.HIGH
    why = "The task runs twice at once, in two workers, though nothing failed."
    mend = (
        "Set broker_transport_options = {'visibility_timeout': ...} above the longest run and wait, and "
        "prefetch 1."
    )
    source = (
        "kombu/transport/redis.py: QoS.restore_visible; docs: Redis, visibility timeout; celery#2481, "
        "celery#5306"
    )
    proof = "scenarios/rules/test_redelivery.py::test_a_run_beyond_the_visibility_timeout_runs_twice"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if "redis" not in app.brokers:
            return
        prefetch = app.value("worker_prefetch_multiplier")
        waiting = prefetch if isinstance(prefetch, int) and not app.value("worker_disable_prefetch") else 1
        timeout_s = app.visibility_timeout_s
        late = [task for task in app.tasks if app.option(task, "acks_late").value]
        limits = {task: limit for task in late if (limit := seconds(app.option(task, "time_limit").value))}
        long = [task for task, limit_s in limits.items() if limit_s >= timeout_s]
        for origin, tasks in by_origin(app, long, "time_limit").items():
            limit_s = max(limits[task] for task in tasks)
            what = f"runs of up to {limit_s:g} s: {several(tasks)}; the visibility timeout is {timeout_s:g} s"
            yield self.found(app, "visibility_timeout", what, origin)
        queued = [task for task, limit_s in limits.items() if limit_s < timeout_s < limit_s * (waiting or 1)]
        if queued:
            limit_s = max(limits[task] for task in queued)
            what = f"{waiting} reserved runs of up to {limit_s:g} s: {several(queued)}; it is {timeout_s:g} s"
            origin = app.conf("broker_transport_options").origin
            yield self.found(app, "visibility_timeout", what, origin, severity=Severity.MEDIUM)
