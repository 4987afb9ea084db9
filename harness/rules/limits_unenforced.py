"""Time limits in a pool that does not enforce them."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import seconds, several
from harness.rules._workers import pools

UNENFORCED = {
    "solo": "time limit", "threads": "time limit", "eventlet": "time limit", "gevent": "soft time limit",
}  # fmt: skip


class LimitsUnenforced(Rule):
    """Tasks have time limits, and a worker's pool is solo or threads, which enforce none, or gevent or
    eventlet.

    gevent enforces the hard limit only. The pool is that of the contract's workers, of the worker commands,
    or `worker_pool`.
    """

    id = "TIM001"
    severity = Severity.HIGH
    why = "A task that hangs holds its thread for ever; no exception, no warning."
    mend = "Run tasks with limits in the prefork pool, or bound every call inside the task."
    source = "celery/concurrency/solo.py, thread.py, gevent.py; celery#9203, celery#8395"
    proof = "scenarios/rules/test_limits.py::test_a_solo_worker_enforces_no_limit"

    def check(self, app: Configuration) -> Iterator[Finding]:
        limited = [
            task
            for task in app.tasks
            if seconds(app.option(task, "time_limit").value)
            or seconds(app.option(task, "soft_time_limit").value)
        ]
        if not limited:
            return
        for name, pool, queues, origin in pools(app):
            here = [task for task in limited if queues is None or app.task(task).get("queue") in queues]
            if pool in UNENFORCED and here:
                what = f"the pool {pool} enforces no {UNENFORCED[pool]}: {several(here)}"
                yield self.found(app, name, what, origin)
